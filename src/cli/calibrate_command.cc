// qat calibrate: places quantizers in a float checkpoint and chooses their ranges.
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/training.h"

namespace qat::cli {

namespace {

// QUANT.CHECKPOINT, else what `qat train` left in OUTPUTS, else the trained network that MODEL.* names: "".
std::filesystem::path start_of(const config::Options& options) {
  if (!options.quant.checkpoint.empty()) return options.quant.checkpoint;
  const std::filesystem::path trained = std::filesystem::path(options.outputs) / "checkpoint_normal_train_best.pth";
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
  const std::filesystem::path path = train::train_plugin().calibrate(options, report_to(context.console));
  if (path.empty()) return 0;  // rank 0 of several processes says it
  context.console.result(cat("calibrated: ", path.string(), "\n"), json_text(Json{{"checkpoint", path.string()}}));
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
