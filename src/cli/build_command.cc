// qat build: an ONNX file to an engine, with trtexec's flags.
#include <chrono>

#include "base/error.h"
#include "base/outputs.h"
#include "cli/engines.h"
#include "cli/table.h"
#include "cli/trtexec.h"
#include "engine/plan/file.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

Json json_of(const engine::BuildResult& built, const fs::path& onnx, const fs::path& engine) {
  const engine::BuildReport& report = built.report;
  Json layers = Json::array();
  for (const engine::LayerReport& layer : report.layers) {
    layers.push_back({{"layer", layer.layer},
                      {"fused", layer.fused},
                      {"op", layer.op},
                      {"precision", layer.precision},
                      {"kernel", layer.kernel},
                      {"ms", layer.milliseconds},
                      {"operations", layer.operations},
                      {"candidates", layer.candidates}});
  }
  return {{"onnx", onnx.string()},
          {"engine", engine.string()},
          {"precision", built.plan.precision},
          {"placeholder", report.placeholder},
          {"bytes", fs::file_size(engine)},
          {"seconds", report.seconds},
          {"fusions", report.fusions},
          {"not_int8", report.not_int8},
          {"notes", report.notes},
          {"layers", layers}};
}

int run(Context& context) {
  const config::Options& options = context.options();
  if (context.args.has("--loadEngine")) {
    fail(Code::kUsage,
         "build makes engines; time this one with `qat bench --loadEngine=", context.args.text("--loadEngine"), "`");
  }
  const fs::path onnx = require_onnx(options), engine = engine_path(options);
  refuse_overwriting(onnx, engine);
  check_output(engine);
  if (options.build.backend == "tensorrt") {
    run_trtexec(context);
    return 0;
  }

  const engine::BuildResult built = build_engine(context);
  make_folder_of(engine);
  engine::save_plan(engine, built.plan);
  const Json object = json_of(built, onnx, engine);
  const engine::Profile& profile = built.plan.profile;
  context.console.result(
      cat(engine.string(), ": ", built.plan.precision, built.report.placeholder ? " with placeholder scales" : "", ", ",
          built.plan.steps.size(), " steps, ", human_bytes(static_cast<double>(fs::file_size(engine))), ", input ",
          shape_text(profile.min), " .. ", shape_text(profile.max), " (tuned for ", shape_text(profile.opt),
          "), built in ", fixed(built.report.seconds, 2), " s\n"),
      json_text(object));
  return 0;
}

}  // namespace

Command build_command() {
  Command command{.name = "build",
                  .summary = "compile an ONNX file to an engine (trtexec's flags)",
                  .flags = build_flags(),
                  .run = run};
  command.flags.push_back({"--loadEngine", "FILE", "of `qat bench`"});
  command.flags.push_back({"--backend", "qat|tensorrt", "tensorrt runs trtexec with the same flags", "BUILD.BACKEND"});
  return command;
}

}  // namespace qat::cli
