// Forward passes with quantizers off, a histogram a range, then the choice: see calibration.h.
#include "train/calibration.h"

#include <array>
#include <optional>

#include "base/outputs.h"
#include "base/threads.h"
#include "model/network.h"
#include "quant/calib/calibrator.h"
#include "quant/placement.h"
#include "train/device.h"
#include "train/distributed/agree.h"
#include "train/distributed/histograms.h"
#include "train/graph_module.h"
#include "train/range_histograms.h"
#include "train/skip_log.h"
#include "train/start.h"

namespace qat::train {

namespace {

std::string layer_of(const std::string& range) {
  const std::string suffix = "._amax";
  return range.ends_with(suffix) ? range.substr(0, range.size() - suffix.size()) : range;
}

void choose(ir::Graph& graph, const std::vector<ir::ValueId>& ranges, const std::vector<quant::Histogram>& histograms,
            const config::QuantOptions& options, const Report& report) {
  for (size_t i = 0; i < ranges.size(); ++i) {
    ir::Value& range = graph.value(ranges[i]);
    const quant::Histogram& histogram = histograms[i];
    if (histogram.not_finite() > 0) {
      fail(Code::kNan, "[", layer_of(range.name), "] ", histogram.not_finite(),
           " values were NaN or infinite; check the float checkpoint with `qat eval`");
    }
    const quant::RangeChoice choice = quant::choose_range(histogram, options.calibrator, options.percentile);
    range.data.data<float>()[0] = choice.amax;
    if (report.range) {
      report.range({.layer = layer_of(range.name),
                    .amax = choice.amax,
                    .calibrator = choice.calibrator,
                    .clipped = choice.clipped,
                    .snr_db = choice.snr_db});
    }
  }
}

// Returns how many images this rank has seen.
int64_t collect(GraphModule& module, RangeHistograms& histograms, std::optional<data::Loader>& loader,
                const config::Options& options, const Report& report, const Group* group) {
  config::DataOptions data = options.data;
  data.limit = data.limit > 0 ? std::min(data.limit, options.quant.images) : options.quant.images;
  const std::shared_ptr<const data::Dataset> dataset = data::open_dataset(data, data::Split::kTrain);
  check_data(module.graph(), *dataset, data, start_file(options.quant.checkpoint, options.model));
  if (report.info && dataset->size() < options.quant.images) {
    report.info(cat("QUANT.IMAGES ", options.quant.images, ": the training split has only ", dataset->size(),
                    ", all are used"));
  }
  loader.emplace(dataset, data::test_transform(data),
                 data::LoaderOptions{.batch = options.quant.batch,
                                     .workers = data.workers,
                                     .prefetch = data.prefetch,
                                     .skip_broken = data.broken == "skip",
                                     .shard = shard_of(group, Batches::kInTurns)});
  loader->start(0);
  int64_t seen = 0;
  while (const auto batch = loader->next()) {
    module.observe(batch->images,
                   [&](size_t quantizer, std::span<const float> values) { histograms.add(quantizer, values); });
    seen += batch->size();
    if (report.progress) report.progress("calibrate", seen * ranks(group), dataset->size(), "");
    if (report.interrupted && report.interrupted())
      fail(Code::kFailure, "[calibrate] interrupted; nothing was written");
  }
  describe(module.graph(), options, dataset.get(), "calibrate");
  return seen;
}

// The float network (QUANT.CHECKPOINT, else MODEL.*) with quantizers in their places, ready to be observed. Completes
// the options' normalization.
GraphModule placed_module(config::Options& options, int threads, const Report& report) {
  const std::string& checkpoint = options.quant.checkpoint;
  const std::string start = start_file(checkpoint, options.model);
  if (report.info) report.info("calibrating " + start);
  ir::Graph graph = checkpoint.empty() ? model::from_options(options, report.info)
                                       : model::from_file(checkpoint, options, report.info);
  if (quant::is_quantized(graph)) {
    fail(Code::kUsage, start, " is quantized already; give the float checkpoint");
  }
  model::end_in_logits(graph, report.info);
  complete_normalization(graph, options, start);
  ir::Graph placed = quant::place(
      graph,
      {.first_layer = options.quant.first_layer, .last_layer = options.quant.last_layer, .skip = options.quant.skip});
  if (!quant::is_quantized(placed)) {
    fail(Code::kUsage, "[QUANT.SKIP] ", join(options.quant.skip, ","), " leaves no layer of ", placed.name,
         " to quantize; skip fewer");
  }
  GraphModule module(std::move(placed), {.weight_ranges = WeightRangeMode::kStep,
                                         .threads = threads,
                                         .mean = options.data.mean,
                                         .std = options.data.std,
                                         .device = options.device});
  module.weights_changed();
  return module;
}

std::filesystem::path save(const GraphModule& module, const std::filesystem::path& path) {
  make_folder_of(path);
  io::save_checkpoint(path, {.graph = module.graph(), .training = {}});
  return path;
}

}  // namespace

std::filesystem::path run_calibration(config::Options options, const Report& report, Group* group) {
  const std::filesystem::path outputs = options.outputs, result = outputs / "checkpoint_quant_calibrate.pth";
  if (options.quant.images < 1) fail(Code::kUsage, "[QUANT.IMAGES] expected at least 1, got ", options.quant.images);
  const bool from_model = !options.model.weights.empty() || !options.model.onnx.empty();
  if (options.quant.checkpoint.empty() && !from_model) options.quant.checkpoint = Names(outputs, false).best;
  const int threads = options.train.threads > 0 ? static_cast<int>(options.train.threads) : usable_cpus();
  std::optional<GraphModule> module;
  std::vector<ir::ValueId> ranges;
  std::vector<quant::Histogram> histograms;
  std::optional<data::Loader> loader;
  std::array<int64_t, 1> seen{};
  agreed(group, [&] {
    if (group == nullptr || group->rank() == 0) check_output(result);  // before the work, which would be lost
    module.emplace(placed_module(options, threads, report));
    RangeHistograms mine(module->graph(), threads, device_plugin(options.device));
    seen[0] = collect(*module, mine, loader, options, report, group);
    ranges = mine.ranges();
    for (size_t i = 0; i < ranges.size(); ++i) histograms.push_back(mine.merged(i));
  });
  SkipLog(report).note("calibration", *loader, group);
  if (group != nullptr) group->sum(std::span<int64_t>(seen));
  histograms = merged(group, std::move(histograms));
  std::filesystem::path path;
  agreed(group, [&] {
    if (seen[0] == 0) fail(Code::kBadFile, "[DATA.PATH] every image of the training split is broken");
    choose(module->graph(), ranges, histograms, options.quant, report);
    if (group == nullptr || group->rank() == 0) path = save(*module, result);
  });
  return path;
}

}  // namespace qat::train
