// qat calibrate: places quantizers in a float checkpoint and chooses their ranges.
#include "cli/results.h"
#include "cli/training.h"

namespace qat::cli {

namespace {

int run(Context& context) {
  config::Options options = context.options();
  if (options.quant.checkpoint.empty()) {
    options.quant.checkpoint = std::filesystem::path(options.outputs) / "checkpoint_normal_train_best.pth";
    require_file(options.quant.checkpoint, "run `qat train` first, or give QUANT.CHECKPOINT");
  }
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
