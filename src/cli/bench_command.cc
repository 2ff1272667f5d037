// qat bench: latency and throughput of an engine, with trtexec's flags and summary lines.
#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/outputs.h"
#include "cli/engines.h"
#include "cli/interrupt.h"
#include "cli/table.h"
#include "engine/plan/file.h"
#include "eval/latency.h"
#include "eval/open_model.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

std::vector<double> percentiles(const Args& args) {
  std::vector<double> list;
  for (const std::string& item : split(args.text("--percentile", "90,95,99"), ',')) {
    list.push_back(Args{.flags = {{"--percentile", trim(item)}}}.number("--percentile", 0));
    if (list.back() > 100) fail(Code::kUsage, "--percentile: expected numbers from 0 to 100, got '", item, "'");
  }
  return list;
}

// Before the work: the exports are other files than the model, and can be written.
void check_exports(const Args& args, const fs::path& model) {
  for (const char* flag : {"--exportTimes", "--exportProfile", "--exportLayerInfo"}) {
    if (!args.has(flag)) continue;
    refuse_overwriting(model, args.text(flag));
    check_output(args.text(flag));
  }
}

bool said(const Context& context, const std::string& key) { return context.config.source(key) == "command line"; }

// What only a build obeys would be dropped without a word: the figures would be taken for those of another engine.
void refuse_build_options(const Context& context, const fs::path& engine, bool named) {
  for (const char* key :
       {"BUILD.ONNX", "BUILD.ENGINE", "BUILD.MIN_SHAPES", "BUILD.OPT_SHAPES", "BUILD.MAX_SHAPES", "BUILD.PRECISION",
        "BUILD.INPUT", "BUILD.BACKEND", "BUILD.DEVICE", "BUILD.TIMING_CACHE", "BUILD.DISABLE_PASS"}) {
    const bool names_it = std::string_view(key) == "BUILD.ENGINE" && !named;
    if (!said(context, key) || names_it) continue;
    std::vector<std::string> flags;
    for (const Flag& flag : build_flags()) {
      if (flag.sets.starts_with(key)) flags.push_back(flag.name);
    }
    fail(Code::kUsage, key, flags.empty() ? "" : cat(" (", join(flags, ", "), ")"), " is for building, and ",
         engine.string(), " is built: leave it out, or give --onnx=FILE in place of the engine");
  }
}

// --onnx: built first, and kept with --saveEngine.
engine::Plan build_plan(Context& context, fs::path& path) {
  const config::Options& options = context.options();
  path = options.build.onnx;
  check_exports(context.args, path);
  if (options.build.engine.empty()) return build_engine(context).plan;
  refuse_overwriting(path, options.build.engine);
  path = options.build.engine;
  check_exports(context.args, path);
  check_output(path);
  engine::Plan plan = build_engine(context).plan;
  make_folder_of(path);
  engine::save_plan(path, plan);
  return plan;
}

// "" where none is named.
fs::path named_engine(const Args& args) {
  const std::string flag = args.text("--loadEngine"), operand = args.operand(0);
  if (!flag.empty() && !operand.empty() && flag != operand)
    fail(Code::kUsage, "two engines: ", operand, " and --loadEngine=", flag, "; give the one to time");
  return flag.empty() ? operand : flag;
}

// bench times engines; a model of another kind is told the way to one.
void require_engine(const fs::path& path) {
  if (lower(path.extension().string()) == ".onnx") {
    fail(Code::kUsage, path.string(), " is no engine; `qat bench --onnx=", path.string(), "` builds one and times it");
  }
  if (eval::is_checkpoint(path)) {
    fail(Code::kUsage, path.string(), " is no engine; `qat convert --checkpoint=", path.string(),
         "` makes the ONNX file that `qat bench --onnx=FILE` builds one from and times it");
  }
}

// An engine runs where it was built for; --device says nothing to it.
void check_device(const Context& context, const engine::Plan& plan, const fs::path& path) {
  const bool gpu = plan.device == engine::Device::kCuda;
  if (!said(context, "DEVICE") || (context.options().device == "cuda") == gpu) return;
  fail(Code::kUsage, path.string(), " is an engine for a ", gpu ? "GPU" : "CPU",
       "; leave --device=", context.options().device,
       " out, or build one for it: `qat build --onnx=FILE --device=", context.options().device, "`");
}

// The engine of --loadEngine, of the operand or of OUTPUTS; with --onnx it is built.
engine::Plan plan_for(Context& context, fs::path& path) {
  path = named_engine(context.args);
  const bool named = !path.empty();
  if (!named && said(context, "BUILD.ONNX")) return build_plan(context, path);
  if (!named) path = engine_path(context.options());
  check_exports(context.args, path);
  require_engine(path);
  require_file(path, "run `qat build` first, or give --loadEngine=FILE");
  refuse_build_options(context, path, named);
  engine::Plan plan = engine::load_plan(path);
  check_device(context, plan, path);
  return plan;
}

// trtexec's line of figures.
std::string figures(const char* what, const eval::Latency& latency, const std::vector<double>& wanted) {
  const auto ms = [](double x) { return fixed(x, 5) + " ms"; };
  std::string text = cat(what, ": min = ", ms(latency.min), ", max = ", ms(latency.max), ", mean = ", ms(latency.mean),
                         ", median = ", ms(latency.median));
  for (const double p : wanted) text += cat(", percentile(", p, "%) = ", ms(latency.percentile(p)));
  return text + "\n";
}

// gpu: without samples on a CPU.
std::string summary(const eval::Latency& latency, const eval::Latency& gpu, const engine::InputShape& shape,
                    const std::vector<double>& wanted) {
  std::string text = cat("=== Performance summary ===\nThroughput: ", fixed(latency.throughput, 3), " qps (",
                         fixed(latency.throughput * static_cast<double>(shape[0]), 1), " images/s)\n");
  text += figures("Latency", latency, wanted);
  if (!gpu.samples.empty()) text += figures("GPU Compute Time", gpu, wanted);
  return text + cat("Total time: ", fixed(latency.wall_s, 3), " s, ", latency.samples.size(), " runs of ",
                    shape_text(shape), "\n");
}

Json record_of(const fs::path& path, const engine::Plan& plan, const engine::Session& session,
               const eval::Latency& latency, const eval::Latency& gpu, const engine::InputShape& shape,
               const std::vector<double>& wanted) {
  Json record = new_record("bench", path);
  record["device"] = session.device_name();
  record["kind"] = "engine";
  record["stage"] = stage_of(plan.metadata, path);
  record["net"] = network_of(plan.metadata);
  record["precision"] = plan.precision;
  record["placeholder"] = plan.placeholder;
  record["shape"] = shape_text(shape);
  record["threads"] = session.threads();
  record["runs"] = latency.samples.size();
  record["min_ms"] = latency.min;
  record["max_ms"] = latency.max;
  record["mean_ms"] = latency.mean;
  record["median_ms"] = latency.median;
  for (const double p : wanted) record[cat("p", p, "_ms")] = latency.percentile(p);
  if (!gpu.samples.empty()) {
    record["gpu_min_ms"] = gpu.min;
    record["gpu_mean_ms"] = gpu.mean;
    record["gpu_median_ms"] = gpu.median;
    for (const double p : wanted) record[cat("gpu_p", p, "_ms")] = gpu.percentile(p);
  }
  record["qps"] = latency.throughput;
  record["images_per_second"] = latency.throughput * static_cast<double>(shape[0]);
  return record;
}

void write_json(const fs::path& path, const Json& object) {
  make_folder_of(path);
  write_file(path, json_text(object, 1) + "\n");
}

// --exportTimes, --exportLayerInfo.
void export_files(const Args& args, const engine::Plan& plan, const eval::Latency& latency) {
  if (args.has("--exportTimes")) {
    Json times = Json::array();
    for (const eval::Sample& sample : latency.samples) {
      times.push_back({{"startMs", sample.start_ms},
                       {"endMs", sample.start_ms + sample.latency_ms},
                       {"latencyMs", sample.latency_ms}});
    }
    write_json(args.text("--exportTimes"), times);
  }
  if (args.has("--exportLayerInfo")) {
    write_json(args.text("--exportLayerInfo"), layer_info(plan));
  }
}

// --exportProfile, --dumpProfile, --roofline: runs of their own, because the clock around each step is no part of the
// latencies. The roofline's numbers go into `result`.
void profile(Context& context, engine::Session& session, const eval::Latency& latency, const engine::InputShape& shape,
             Json& result) {
  const Args& args = context.args;
  if (!args.has("--exportProfile") && !args.has("--dumpProfile") && !args.has("--roofline")) return;
  const auto runs = std::clamp<int64_t>(static_cast<int64_t>(latency.samples.size()), 1, 100);
  const std::vector<engine::StepProfile> steps = eval::profile(session, shape, runs);
  if (args.has("--exportProfile")) write_json(args.text("--exportProfile"), profile_json(steps, runs));
  if (args.has("--dumpProfile")) context.console.text(profile_table(steps));
  if (!args.has("--roofline")) return;
  const engine::Roof roof = engine::measure_roof(session.threads());
  context.console.text(roofline_table(steps, roof));
  if (const std::string note = roofline_note(steps, roof); !note.empty()) context.console.info("note: " + note);
  result["roofline"] = roofline_json(steps, roof);
}

int run(Context& context) {
  check_record(context.options());  // --onnx builds first
  const std::vector<double> wanted = percentiles(context.args);
  fs::path path;
  const auto plan = std::make_shared<const engine::Plan>(plan_for(context, path));
  if (context.args.has("--roofline") && plan->device != engine::Device::kCpu) {
    fail(Code::kUsage, "--roofline measures the peaks of a CPU; this engine runs on a GPU (--dumpProfile works there)");
  }
  engine::Session session(plan, {.threads = static_cast<int>(context.options().build.threads)});
  const std::string shapes = context.args.text("--shapes");
  eval::LatencyOptions how{.shape = shapes.empty() ? plan->profile.opt : shape_for(shapes, plan->input.name),
                           .warm_up_ms = context.args.number("--warmUp", 200),
                           .duration_s = context.args.number("--duration", 3),
                           .iterations = static_cast<int64_t>(context.args.number("--iterations", 10, 1)),
                           .interrupted = interrupted};
  context.console.info(cat("timing ", path.string(), " at ", shape_text(how.shape), " on ", session.device_name(),
                           plan->device == engine::Device::kCpu ? cat(", ", session.threads(), " threads") : ""));
  const eval::Latency latency = eval::measure(session, how);
  const eval::Latency gpu = plan->device == engine::Device::kCuda ? eval::measure_gpu(session, how) : eval::Latency{};
  if (interrupted()) fail(Code::kFailure, "[bench] interrupted; nothing was recorded");
  export_files(context.args, *plan, latency);
  const Json record = record_of(path, *plan, session, latency, gpu, how.shape, wanted);
  Json result = record;
  profile(context, session, latency, how.shape, result);
  context.console.result(summary(latency, gpu, how.shape, wanted), json_text(result));
  context.console.info(cat("recorded in ", append_record(context.options(), record).string(), ", for `qat report`"));
  return 0;
}

}  // namespace

Command bench_command() {
  Command command{.name = "bench",
                  .summary = "latency and throughput of an engine (trtexec's flags and summary)",
                  .operands = "[ENGINE]",
                  .max_operands = 1,
                  .flags = build_flags(),
                  .run = run};
  const std::vector<Flag> own{{"--loadEngine", "FILE", "engine to time"},
                              {"--warmUp", "MS", "milliseconds before timing (200)"},
                              {"--duration", "S", "seconds at least (3)"},
                              {"--iterations", "N", "runs at least (10)"},
                              {"--percentile", "P,...", "percentiles of latency (90,95,99)"},
                              {"--exportTimes", "FILE", "latency of every run, JSON"},
                              {"--exportProfile", "FILE", "time of every layer, JSON"},
                              {"--exportLayerInfo", "FILE", "layers and their kernels, JSON"},
                              {"--dumpProfile", "", "print the time of every layer"},
                              {"--roofline", "", "print every layer beside the machine's measured peaks"}};
  command.flags.insert(command.flags.end(), own.begin(), own.end());
  return command;
}

}  // namespace qat::cli
