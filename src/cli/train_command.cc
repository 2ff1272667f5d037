// qat train: trains a float network, or finetunes a calibrated one.
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/table.h"
#include "cli/training.h"
#include "io/checkpoint.h"

namespace qat::cli {

namespace {

// Where the user says nothing: a resumed run's own options; what a checkpoint says of its pixels and its network.
config::Options options_of(const Context& context) {
  const std::string& start = context.options().train.checkpoint;
  if (!context.args.has("--resume"))
    return start.empty() ? context.options() : with_stored_start(context.config, start);
  if (context.config.source("TRAIN.CHECKPOINT") == "command line" && !std::filesystem::exists(start)) {
    fail(Code::kIo, "[TRAIN.CHECKPOINT] ", start, " not found; --resume continues the run of OUTPUTS, leave it out");
  }
  const std::filesystem::path last = train::train_plugin().last_checkpoint(context.options());
  return with_stored_run(context.config, io::load_checkpoint(last).graph.metadata);
}

int run(Context& context) {
  saves_when_interrupted();
  const config::Options options = options_of(context);
  const train::TrainResult result =
      train::train_plugin().train(options, context.args.has("--resume"), report_to(context.console));
  if (result.rank != 0) return result.interrupted ? kInterruptedExit : 0;
  if (result.interrupted) {
    const bool elsewhere = options.outputs != config::Options{}.outputs;
    context.console.info(cat("saved ", result.last.string(), "; continue with `qat train --resume",
                             elsewhere ? " OUTPUTS=" + options.outputs : "", "`"));
    return kInterruptedExit;
  }
  const Json object{{"best", result.best.string()},
                    {"last", result.last.string()},
                    {"best_top1", result.best_top1},
                    {"best_epoch", result.best_epoch}};
  context.console.result(
      cat("best ACC@1 ", fixed(result.best_top1, 3),
          result.best_epoch < 0 ? std::string(" before training") : cat(" at epoch ", result.best_epoch + 1), ": ",
          result.best.string(), "\n"),
      json_text(object));
  return 0;
}

}  // namespace

Command train_command() {
  return {.name = "train",
          .summary = "train a float network, or finetune a calibrated one (TRAIN.CHECKPOINT)",
          .flags = {{"--resume", "", "continue the last run of OUTPUTS exactly, with its own options"},
                    {"--checkpoint", "FILE", "start a new run from this checkpoint", "TRAIN.CHECKPOINT"}},
          .run = run};
}

}  // namespace qat::cli
