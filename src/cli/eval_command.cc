// qat eval: accuracy of a checkpoint, an ONNX file or an engine, and agreement with a reference model.
#include "base/error.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/table.h"
#include "eval/accuracy.h"
#include "eval/open_model.h"

namespace qat::cli {

namespace {

data::Split split_of(const std::string& name) {
  if (name == "train") return data::Split::kTrain;
  return name == "validation" ? data::Split::kValidation : data::Split::kTest;
}

data::Loader loader_for(const config::Options& options, std::shared_ptr<const data::Dataset> images) {
  return {std::move(images), data::test_transform(options.data),
          data::LoaderOptions{.batch = options.eval.batch,
                              .workers = options.data.workers,
                              .prefetch = options.data.prefetch,
                              .skip_broken = options.data.broken == "skip"}};
}

std::string text_of(const Json& r) {
  const auto number = [&r](const char* field, int digits) { return fixed(r[field].get<double>(), digits); };
  std::string text = cat("model       ", r["model"].get<std::string>(), " (", r["backend"].get<std::string>(), ")\n");
  text += cat("ACC@1       ", number("top1", 3), " %\n", "ACC@5       ", number("top5", 3), " %\n");
  text += cat("images      ", r["images"].get<int64_t>(), " of the ", r["split"].get<std::string>(), " split");
  const int64_t broken = r["broken"].get<int64_t>();
  text += broken > 0 ? cat(", ", broken, " broken ones left out\n") : "\n";
  if (r.contains("agreement")) {
    text += cat("agreement   ", number("agreement", 3), " % (", r["agreed"].get<int64_t>(), " of ",
                r["images"].get<int64_t>(), ") with ", r["reference"].get<std::string>(), "\n");
  }
  return text + cat("speed       ", number("images_per_second", 0), " images/s\n");
}

// The thresholds of EVAL: exit code 4 with a line for what is missed.
int judge(Context& context, const eval::Evaluation& result) {
  const config::EvalOptions& options = context.options().eval;
  if (result.top1_percent() < options.min_top1) {
    fail(Code::kThreshold, "ACC@1 ", fixed(result.top1_percent(), 3), " is below EVAL.MIN_TOP1 ", options.min_top1);
  }
  if (!options.reference.empty() && result.agreement_percent() < options.min_agreement) {
    fail(Code::kThreshold, "agreement ", fixed(result.agreement_percent(), 3), " is below EVAL.MIN_AGREEMENT ",
         options.min_agreement);
  }
  return 0;
}

// Of the images evaluated on.
std::string place_of(const config::Options& options) {
  const std::string& own = options.eval.split == "test" ? options.data.test : options.data.train;
  return own.empty() ? options.data.path : own;
}

Json record_of(const config::Options& options, const eval::Classifier& model, const eval::Evaluation& result) {
  Json record = new_record("eval", options.eval.model);
  record["kind"] = name_of(eval::kind_of(options.eval.model));
  record["stage"] = stage_of(model.metadata(), options.eval.model);
  record["backend"] = model.describe();
  if (const auto precision = model.metadata().find("precision"); precision != model.metadata().end()) {
    record["precision"] = precision->second;
  }
  record["net"] = network_of(model.metadata());
  record["split"] = options.eval.split;
  record["data"] = canonical_path(place_of(options)).string();
  record["images"] = result.images;
  record["broken"] = result.broken;
  record["top1"] = result.top1_percent();
  record["top5"] = result.top5_percent();
  if (!options.eval.reference.empty()) {
    record["reference"] = options.eval.reference;
    record["agreed"] = result.agreed;
    record["agreement"] = result.agreement_percent();
  }
  record["images_per_second"] = result.images_per_second();
  return record;
}

int run(Context& context) {
  config::Options options = context.options();
  if (const std::string model = context.args.operand(0); !model.empty()) {
    if (context.config.source("EVAL.MODEL") == "command line" && options.eval.model != model)
      fail(Code::kUsage, "two models: ", model, " and EVAL.MODEL=", options.eval.model, "; give the one to evaluate");
    options.eval.model = model;
  }
  if (options.eval.model.empty()) fail(Code::kUsage, "no model; give it as `qat eval FILE` or as EVAL.MODEL");
  if (options.eval.min_agreement > 0 && options.eval.reference.empty()) {
    fail(Code::kUsage, "EVAL.MIN_AGREEMENT needs EVAL.REFERENCE");
  }
  const auto threads = static_cast<int>(options.eval.threads);
  const auto note = [&context](const std::string& line) { context.console.warn(line); };
  const auto model = eval::open_classifier(options.eval.model, options, threads, note);
  options.data = with_stored_data(context.config, model->metadata()).data;
  std::unique_ptr<eval::Classifier> reference;
  if (!options.eval.reference.empty())
    reference = eval::open_classifier(options.eval.reference, options, threads, note);

  eval::EvaluateOptions how{
      .name = options.eval.model,
      .reference_name = options.eval.reference,
      .normalization = normalization_for(context.config, *model, options.eval.model, options.data)};
  if (reference) {
    how.reference = reference.get();
    how.reference_normalization = normalization_for(context.config, *reference, options.eval.reference, options.data);
  }
  how.progress = [&context](int64_t done, int64_t total, const eval::Evaluation& so_far) {
    context.console.progress("eval", done, total, cat("ACC@1 ", fixed(so_far.top1_percent(), 2)));
  };
  how.interrupted = interrupted;
  const std::vector<std::string> names = data::class_names(model->metadata());
  const std::shared_ptr<const data::Dataset> images =
      data::open_dataset(options.data, split_of(options.eval.split), names);
  if (const std::string missing = data::missing_classes(*images); !missing.empty()) {
    context.console.warn(cat("the folder of the ", options.eval.split, " split has ", missing));
  }
  check_record(options);
  data::Loader loader = loader_for(options, images);
  const eval::Evaluation result = eval::evaluate(*model, loader, how);
  if (interrupted()) fail(Code::kFailure, "[eval] interrupted; nothing was recorded");
  for (const std::string& message : loader.skipped_messages()) context.console.warn("left out: " + message);
  if (result.images == 0) fail(Code::kBadFile, "no image of the ", options.eval.split, " split could be used");

  if (names.empty() && result.classes > images->classes()) {
    context.console.warn(cat("the model has ", result.classes, " classes and no names for them, the data ",
                             images->classes(), ": labels are numbered in the order of the data's own"));
  }
  const Json record = record_of(options, *model, result);
  context.console.result(text_of(record), json_text(record));
  context.console.info(cat("recorded in ", append_record(options, record).string(), ", for `qat report`"));
  return judge(context, result);
}

}  // namespace

Command eval_command() {
  return {.name = "eval",
          .summary = "accuracy of a .pth, .onnx or .engine, and agreement with a reference",
          .operands = "[MODEL]",
          .max_operands = 1,
          .flags = {{"--reference", "FILE", "model to agree with, image by image", "EVAL.REFERENCE"},
                    {"--threads", "N", "threads (0: all)", "EVAL.THREADS"}},
          .run = run};
}

}  // namespace qat::cli
