// qat train: trains a float network, or finetunes a calibrated one.
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/table.h"
#include "cli/training.h"

namespace qat::cli {

namespace {

int run(Context& context) {
  const train::TrainResult result =
      train::train_plugin().train(context.options(), context.args.has("--resume"), report_to(context.console));
  if (result.interrupted) {
    context.console.info(cat("saved ", result.last.string(), "; continue with --resume"));
    return kInterruptedExit;
  }
  const Json object{{"best", result.best.string()},
                    {"last", result.last.string()},
                    {"best_top1", result.best_top1},
                    {"best_epoch", result.best_epoch}};
  context.console.result(
      cat("best ACC@1 ", fixed(result.best_top1, 3),
          result.best_epoch < 0 ? std::string(" before finetuning") : cat(" at epoch ", result.best_epoch + 1), ": ",
          result.best.string(), "\n"),
      object.dump());
  return 0;
}

}  // namespace

Command train_command() {
  return {.name = "train",
          .summary = "train a float network, or finetune a calibrated one (TRAIN.CHECKPOINT)",
          .flags = {{"--resume", "", "continue the last run of OUTPUTS exactly"},
                    {"--checkpoint", "FILE", "continue from this checkpoint", "TRAIN.CHECKPOINT"}},
          .run = run};
}

}  // namespace qat::cli
