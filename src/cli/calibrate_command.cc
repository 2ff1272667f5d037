// qat calibrate: places quantizers in a float checkpoint and chooses their ranges.
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/table.h"
#include "cli/training.h"

namespace qat::cli {

namespace {

// The ranges as they are chosen, for both kinds of result.
struct Ranges {
  Table table{.header = {"layer", "range", "calibrator", "clipped %", "SNR dB"}};
  Json list = Json::array();

  void add(const train::ChosenRange& range) {
    table.rows.push_back(
        {range.layer, fixed(range.amax, 5), range.calibrator, fixed(100 * range.clipped, 4), fixed(range.snr_db, 1)});
    list.push_back({{"layer", range.layer},
                    {"amax", range.amax},
                    {"calibrator", range.calibrator},
                    {"clipped", range.clipped},
                    {"snr_db", range.snr_db}});
  }
};

// QUANT.CHECKPOINT, else what `qat train` left in OUTPUTS, else the trained network that MODEL.* names: "".
std::filesystem::path start_of(const config::Options& options) {
  if (!options.quant.checkpoint.empty()) return options.quant.checkpoint;
  std::filesystem::path trained = std::filesystem::path(options.outputs) / "checkpoint_normal_train_best.pth";
  const bool named = !options.model.weights.empty() || !options.model.onnx.empty();
  if (named && !std::filesystem::exists(trained)) return {};
  require_file(trained,
               "run `qat train` first, or give a trained network: QUANT.CHECKPOINT, MODEL.WEIGHTS or MODEL.ONNX");
  return trained;
}

int run(Context& context) {
  const std::filesystem::path start = start_of(context.options());
  config::Options options = start.empty() ? context.options() : with_stored_start(context.config, start);
  options.quant.checkpoint = start.string();
  Ranges ranges;
  train::Report report = report_to(context.console);
  report.range = [&ranges](const train::ChosenRange& range) { ranges.add(range); };
  const std::filesystem::path path = train::train_plugin().calibrate(options, report);
  if (path.empty()) return 0;  // rank 0 of several processes says it
  context.console.result(cat(ranges.table.text(), "calibrated: ", path.string(), "\n"),
                         json_text(Json{{"checkpoint", path.string()}, {"ranges", ranges.list}}));
  return 0;
}

}  // namespace

Command calibrate_command() {
  return {.name = "calibrate",
          .summary = "quantize a float checkpoint by calibration",
          .flags = {{"--checkpoint", "FILE", "float checkpoint", "QUANT.CHECKPOINT"}},
          .run = run};
}

}  // namespace qat::cli
