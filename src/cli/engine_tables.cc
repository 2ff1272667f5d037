// What is printed about engines: see engines.h.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "cli/engines.h"
#include "cli/table.h"
#include "engine/cpu/peak/peak.h"
#include "engine/plan/file.h"

namespace qat::cli {

namespace {

std::string output_type(const engine::Plan& plan, const engine::Step& step) {
  if (step.output < 0) return "fp32";
  return std::string(precision_of(plan.tensors.at(static_cast<size_t>(step.output)).storage));
}

double total_ms(const std::vector<engine::StepProfile>& steps) {
  double total = 0;
  for (const engine::StepProfile& step : steps) total += step.milliseconds;
  return std::max(total, 1e-12);
}

}  // namespace

std::string shape_text(const engine::InputShape& shape) { return join(shape, "x"); }

Json layer_info(const engine::Plan& plan) {
  Json layers = Json::array();
  for (const engine::Step& step : plan.steps) {
    uint64_t bytes = 0;
    for (const engine::Blob& blob : step.blobs) bytes += blob.size;
    layers.push_back({{"Name", step.name},
                      {"LayerType", name_of(step.op)},
                      {"Fused", step.fused},
                      {"Tactic", step.kernel},
                      {"Output", output_type(plan, step)},
                      {"WeightBytes", bytes}});
  }
  return {{"Layers", layers}};
}

Json profile_json(const std::vector<engine::StepProfile>& steps, int64_t runs) {
  const double total = total_ms(steps);
  Json list = Json::array({{{"count", runs}}});
  for (const engine::StepProfile& step : steps) {
    list.push_back({{"name", step.name},
                    {"timeMs", step.milliseconds * static_cast<double>(runs)},
                    {"averageMs", step.milliseconds},
                    {"percentage", 100 * step.milliseconds / total},
                    {"fused", step.fused},
                    {"op", step.op},
                    {"kernel", step.kernel},
                    {"precision", step.precision}});
  }
  return list;
}

std::string profile_table(const std::vector<engine::StepProfile>& steps) {
  const double total = total_ms(steps);
  Table table{.header = {"layer", "op", "kernel", "type", "ms", "%", "Gop/s", "GB/s"}};
  for (const engine::StepProfile& step : steps) {
    const double seconds = std::max(step.milliseconds, 1e-9) / 1e3;
    table.rows.push_back({step.name, step.op, step.kernel, step.precision, fixed(step.milliseconds, 4),
                          fixed(100 * step.milliseconds / total, 1), fixed(step.operations / seconds / 1e9, 1),
                          fixed(step.bytes / seconds / 1e9, 1)});
  }
  return table.text();
}

std::string tactic_text(const engine::LayerReport& layer, const engine::Roof& roof) {
  std::string line = cat("tactic: ", layer.layer, ": ", layer.kernel, " (", layer.precision, ")");
  if (layer.milliseconds <= 0) return line;
  line += cat(", ", layer.milliseconds, " ms, best of ", layer.candidates);
  const double peak = engine::int8_peak(roof, layer.kernel);
  if (layer.precision != "int8" || peak <= 0) return line;
  const bool amx = roof.amx_operations > 0 && kernels::uses_tiles(layer.kernel);
  const double rate = layer.operations / layer.milliseconds * 1e3;
  return line + cat(", ", fixed(100 * rate / peak, 0), " % of ", amx ? "AMX's int8 peak" : "the int8 peak");
}

namespace {

std::string_view bound_name(engine::Bound bound) {
  return bound == engine::Bound::kCompute ? "compute" : bound == engine::Bound::kMemory ? "memory" : "-";
}

std::string_view peak_name(engine::Peak peak) {
  switch (peak) {
    case engine::Peak::kInt8:
      return "int8";
    case engine::Peak::kAmx:
      return "AMX int8";
    case engine::Peak::kFloat:
      return "fp32";
    case engine::Peak::kNear:
      return "L2";
    default:
      return "memory";
  }
}

double weights_of(const std::vector<engine::StepProfile>& steps) {
  double bytes = 0;
  for (const engine::StepProfile& step : steps) bytes += step.weight_bytes;
  return bytes;
}

// The rate of the type that the engine's layers are of, and its share of the peak where that is measured.
std::string operations_text(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof, double total) {
  for (const char* type : {"int8", "fp32", "bf16"}) {
    double operations = 0, least = 0;
    for (const engine::StepProfile& step : steps) {
      if (step.precision != type) continue;
      const bool int8 = step.precision == "int8";
      operations += step.operations;
      least += 1e3 * step.operations / (int8 ? engine::int8_peak(roof, step.kernel) : roof.float_operations);
    }
    if (operations <= 0) continue;
    std::string text = cat("; ", type, ' ', fixed(operations / total * 1e-6, 0), " Gop/s");
    if (type == std::string_view("bf16")) return text;
    const bool two = type == std::string_view("int8") && roof.amx_operations > 0;
    return text + cat(", ", fixed(100 * least / total, 1), two ? " % of the peaks" : " % of the peak");
  }
  return "";
}

}  // namespace

std::string roofline_table(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof) {
  Table table{.header = {"layer", "kernel", "Mop", "KiB", "op/byte", "bound", "ms at it", "ms", "reached %"}};
  const double weights = weights_of(steps), total = total_ms(steps);
  double least = 0;
  for (const engine::StepProfile& step : steps) {
    const engine::Reached r = engine::reached(step, roof, weights);
    least += r.milliseconds;
    table.rows.push_back({step.name, step.kernel, fixed(step.operations / 1e6, 1), fixed(step.bytes / 1024, 0),
                          fixed(step.operations / std::max(step.bytes, 1.0), 1), std::string(bound_name(r.bound)),
                          fixed(r.milliseconds, 4), fixed(step.milliseconds, 4), fixed(100 * r.share, 0)});
  }
  const bool amx = roof.amx_operations > 0;
  const auto giga = [](double x) { return fixed(x / 1e9, 0); };
  return table.text() + cat("peaks of ", roof.threads, " threads: int8 ", giga(roof.int8_operations), " Gop/s, ",
                            amx ? cat("int8 by AMX ", giga(roof.amx_operations), " Gop/s, ") : "", "fp32 ",
                            giga(roof.float_operations), " Gop/s, L2 ", giga(roof.near_bytes), " GB/s, behind it ",
                            giga(roof.far_bytes), " GB/s\nall layers: ", fixed(total, 3), " ms, at their bounds ",
                            fixed(least, 3), " ms", operations_text(steps, roof, total), "\n");
}

std::string roofline_note(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof) {
  constexpr double kSpread = 0.15;
  constexpr double kAbove = 1.05;  // beyond what the clock of an idle core moves
  const double weights = weights_of(steps);
  const engine::StepProfile* most = nullptr;
  double share = 0, excess = kAbove;
  std::set<engine::Peak> noisy;  // of those that a layer's bound rests on
  for (const engine::StepProfile& step : steps) {
    const engine::Reached r = engine::reached(step, roof, weights);
    if (r.bound == engine::Bound::kUnknown) continue;
    if (roof.spread_of(r.peak) > kSpread) noisy.insert(r.peak);
    if (r.share > excess * r.most) most = &step, share = r.share, excess = r.share / r.most;
  }
  std::vector<std::string> parts, differ;
  differ.reserve(noisy.size());
  for (const engine::Peak peak : noisy) {
    differ.push_back(cat(peak_name(peak), " by ", fixed(100 * roof.spread_of(peak), 0), " %"));
  }
  if (!differ.empty()) {
    parts.push_back(cat("readings of the same peak differ (", join(differ, ", "),
                        "): the machine was busy, shares of such peaks say little"));
  }
  if (most != nullptr) {
    parts.push_back(
        cat(most->name, " reached ", fixed(100 * share, 0), " % of its bound, more than docs/roofline.md explains"));
  }
  return parts.empty() ? "" : join(parts, "; ") + "; repeat it on an idle machine";
}

Json roofline_json(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof) {
  Json layers = Json::array();
  for (const engine::StepProfile& step : steps) {
    const engine::Reached r = engine::reached(step, roof, weights_of(steps));
    layers.push_back({{"layer", step.name},
                      {"kernel", step.kernel},
                      {"precision", step.precision},
                      {"operations", step.operations},
                      {"bytes", step.bytes},
                      {"weight_bytes", step.weight_bytes},
                      {"bound", bound_name(r.bound)},
                      {"bound_ms", r.milliseconds},
                      {"ms", step.milliseconds},
                      {"reached", r.share}});
  }
  Json out{{"threads", roof.threads},
           {"int8_operations_per_s", roof.int8_operations},
           {"fp32_operations_per_s", roof.float_operations},
           {"l2_bytes_per_s", roof.near_bytes},
           {"far_bytes_per_s", roof.far_bytes},
           {"spread",
            {{"int8", roof.spread_of(engine::Peak::kInt8)},
             {"fp32", roof.spread_of(engine::Peak::kFloat)},
             {"l2", roof.spread_of(engine::Peak::kNear)},
             {"far", roof.spread_of(engine::Peak::kFar)}}},
           {"layers", layers}};
  if (roof.amx_operations > 0) {
    out["int8_amx_operations_per_s"] = roof.amx_operations;
    out["spread"]["int8_amx"] = roof.spread_of(engine::Peak::kAmx);
  }
  return out;
}

void show_engine(Context& context, const std::filesystem::path& path) {
  const engine::Plan plan = engine::load_plan(path);
  const engine::Profile& profile = plan.profile;
  Json object{{"file", path.string()},
              {"network", plan.network},
              {"precision", plan.precision},
              {"placeholder", plan.placeholder},
              {"device", name_of(plan.device)},
              {"isa", name_of(plan.isa)},
              {"compute_capability", plan.compute_capability},
              {"input", plan.input.name},
              {"min", profile.min},
              {"opt", profile.opt},
              {"max", profile.max},
              {"weights_bytes", plan.blobs.size()},
              {"metadata", plan.metadata}};
  object.update(layer_info(plan));
  object["schedule"] = Json::array();
  for (const engine::StepGroup& group : plan.schedule)
    object["schedule"].push_back({{"first", group.first}, {"last", group.last}, {"images", group.images}});
  std::string text =
      cat(path.string(), ": ", plan.network, ", ", plan.precision,
          plan.placeholder ? " with placeholder scales (latency only)" : "", ", needs ",
          plan.device == engine::Device::kCuda
              ? cat("a GPU of compute capability ", plan.compute_capability / 10, ".", plan.compute_capability % 10)
              : std::string(name_of(plan.isa)),
          ", ", human_bytes(static_cast<double>(plan.blobs.size())), " of weights\n");
  text +=
      cat("input ", plan.input.name, ": min ", shape_text(profile.min), ", opt ", shape_text(profile.opt), ", max ",
          shape_text(profile.max), plan.input_mode == engine::InputMode::kU8Nhwc ? ", u8 NHWC" : ", f32 NCHW", "\n");
  for (const auto& [key, value] : plan.metadata) {
    const bool plain = value.size() <= 100 && value.find('\n') == std::string::npos;
    text += cat("  ", key, ": ", plain ? value : cat("(", value.size(), " characters)"), "\n");
  }
  for (const engine::StepGroup& group : plan.schedule) {
    text += cat("depth first: ", plan.steps.at(static_cast<size_t>(group.first)).name, " to ",
                plan.steps.at(static_cast<size_t>(group.last) - 1).name, ", images at a time: ", group.images, "\n");
  }
  Table table{.header = {"layer", "op", "output", "kernel", "fused"}};
  for (const engine::Step& step : plan.steps) {
    table.rows.push_back({step.name, std::string(name_of(step.op)), output_type(plan, step), step.kernel, step.fused});
  }
  context.console.result(text + table.text(), json_text(object));
}

}  // namespace qat::cli
