// Building an engine from the options: see engines.h.
#include "cli/engines.h"

#include <algorithm>
#include <cctype>
#include <cstring>

#include "base/error.h"
#include "base/threads.h"
#include "cli/interrupt.h"
#include "cli/table.h"
#include "engine/cuda/backend.h"
#include "eval/open_model.h"
#include "io/onnx/onnx.h"
#include "quant/placement.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

// Extents to build for. --shapes is all three; a missing minimum or maximum is the optimum; nothing: the graph's own.
engine::Profile profile_of(const Context& context, const std::string& input) {
  const config::BuildOptions& build = context.options().build;
  const std::string all = context.args.text("--shapes");
  const auto first = [&input](std::initializer_list<std::string> texts) {
    for (const std::string& text : texts) {
      if (!text.empty()) return shape_for(text, input);
    }
    return engine::InputShape{0, 0, 0, 0};
  };
  return {.min = first({all, build.min_shapes, build.opt_shapes, build.max_shapes}),
          .opt = first({all, build.opt_shapes, build.max_shapes, build.min_shapes}),
          .max = first({all, build.max_shapes, build.opt_shapes, build.min_shapes})};
}

bool for_gpu(const config::Options& options) { return options.device == "cuda" || options.build.device == "cuda"; }

// For a shell: as it is where that is safe, else in single quotes.
std::string quoted(const std::string& word) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || std::strchr("_-./=:,+@%", c) != nullptr; };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// threads 0: all.
void print_tactics(Console& console, const engine::BuildReport& report, bool gpu, int threads) {
  const engine::Roof roof = gpu ? engine::Roof{} : engine::measure_roof(threads > 0 ? threads : usable_cpus());
  for (const engine::LayerReport& layer : report.layers) console.verbose(tactic_text(layer, roof));
}

// said: a note that the user has seen.
void print_report(Context& context, const engine::BuildReport& report, const std::string& said) {
  Console& console = context.console;

  for (const engine::PassReport& pass : report.passes) {
    console.verbose(cat("pass ", pass.name, pass.disabled ? ": disabled" : cat(": ", pass.milliseconds, " ms")));
  }
  if (console.verbosity() == Verbosity::kVerbose) {
    for (const std::string& fusion : report.fusions) console.info("fused: " + fusion);
  } else if (!report.fusions.empty()) {
    console.info(cat("fused: ", report.fusions.size(), " groups of layers, a step each (--verbose lists them)"));
  }
  for (const std::string& reason : report.not_int8) console.info("not int8: " + reason);
  for (const std::string& note : report.notes) {
    if (note != said) console.info("note: " + note);
  }
  if (console.verbosity() == Verbosity::kVerbose) {
    print_tactics(console, report, for_gpu(context.options()), static_cast<int>(context.options().build.threads));
  }
  if (report.placeholder) {
    console.warn("the ONNX file has no scales: this int8 engine is for latency only, and `qat eval` refuses it");
  }
}

// engine::build; what is wrong with the file begins with its name.
engine::BuildResult build_named(engine::BuildRequest request, const fs::path& onnx) {
  try {
    return engine::build(std::move(request));
  } catch (const Error& error) {
    if (error.code() != Code::kBadFile) throw;
    fail(error.code(), onnx.string(), ": ", error.what());
  }
}

}  // namespace

std::vector<Flag> build_flags() {
  return {{"--onnx", "FILE", "ONNX file", "BUILD.ONNX"},
          {"--saveEngine", "FILE", "engine to write", "BUILD.ENGINE"},
          {"--shapes", "input:NxCxHxW", "least, optimal and largest input in one"},
          {"--minShapes", "input:NxCxHxW", "least input", "BUILD.MIN_SHAPES"},
          {"--optShapes", "input:NxCxHxW", "input that tactics are timed with", "BUILD.OPT_SHAPES"},
          {"--maxShapes", "input:NxCxHxW", "largest input", "BUILD.MAX_SHAPES"},
          {"--fp32", "", "float only; goes with no other type", "BUILD.PRECISION=fp32"},
          {"--fp16", "", "allow fp16 (several types: the fastest of them)", "BUILD.PRECISION=fp16"},
          {"--bf16", "", "allow bf16", "BUILD.PRECISION=bf16"},
          {"--int8", "", "int8 where the file has scales, float elsewhere", "BUILD.PRECISION=int8"},
          {"--best", "", "the fastest of all types, by measurement", "BUILD.PRECISION=best"},
          {"--threads", "N", "threads (0: all)", "BUILD.THREADS"},
          {"--timingCacheFile", "FILE", "file of measured tactics", "BUILD.TIMING_CACHE"},
          {"--disable-pass", "NAME,...", "compiler passes to leave out", "BUILD.DISABLE_PASS"}};
}

fs::path onnx_path(const config::Options& options) {
  if (!options.build.onnx.empty()) return options.build.onnx;
  return fs::path(options.outputs) / "save_onnx" / "onnx_quant_True_dynamic_input_True.onnx";
}

fs::path require_onnx(const config::Options& options) {
  fs::path path = require_file(onnx_path(options), "run `qat convert` first, or give --onnx=FILE");
  if (eval::is_checkpoint(path)) {
    fail(Code::kUsage, path.string(), " is a checkpoint; `qat convert --checkpoint=", path.string(),
         "` makes the ONNX file to give as --onnx");
  }
  return path;
}

fs::path engine_path(const config::Options& options) {
  if (!options.build.engine.empty()) return options.build.engine;
  std::string name = onnx_path(options).stem().string();
  name = name.starts_with("onnx_") ? name.substr(5) : name;
  return fs::path(options.outputs) / "save_engine" / cat("engine_", name, ".engine");
}

engine::InputShape shape_for(const std::string& text, const std::string& input) {
  const engine::InputShape shape = engine::parse_shape(text);
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos && text.substr(0, colon) != input) {
    fail(Code::kUsage, "the shape ", text, " is of another input than the network's; write ", input, ":",
         shape_text(shape));
  }
  return shape;
}

std::string rebuild_command(const Context& context, const std::string& precision) {
  const config::BuildOptions& build = context.options().build;
  std::string command = "qat build";
  const auto add = [&command](const char* name, const std::string& value) {
    if (!value.empty()) command += cat(' ', name, '=', quoted(value));
  };
  add("--onnx", onnx_path(context.options()).string());
  add("--saveEngine", engine_path(context.options()).string());
  add("--shapes", context.args.text("--shapes"));
  add("--minShapes", build.min_shapes);
  add("--optShapes", build.opt_shapes);
  add("--maxShapes", build.max_shapes);
  add("BUILD.PRECISION", precision);
  if (build.input != "f32_nchw") add("BUILD.INPUT", build.input);
  if (build.threads != config::BuildOptions{}.threads) add("--threads", cat(build.threads));
  add("--disable-pass", join(build.disable_pass, ","));
  if (for_gpu(context.options())) command += engine::kCudaOverride;
  return command;
}

engine::BuildResult build_engine(Context& context) {
  const config::Options& options = context.options();
  if (for_gpu(options)) static_cast<void>(engine::cuda_backend().device());  // before the file is read
  const fs::path onnx = require_onnx(options);
  refuse_overwriting(onnx, options.build.timing_cache);
  engine::BuildRequest request{
      .precision = options.build.precision,
      .input = options.build.input == "u8_nhwc" ? engine::InputMode::kU8Nhwc : engine::InputMode::kF32Nchw,
      .device = for_gpu(options) ? engine::Device::kCuda : engine::Device::kCpu,
      .threads = static_cast<int>(options.build.threads),
      .timing_cache = options.build.timing_cache,
      .disabled_passes = options.build.disable_pass};
  request.graph = io::onnx().read(onnx);
  request.profile = profile_of(context, request.graph.value(request.graph.inputs.at(0)).name);
  Console& console = context.console;
  // As trtexec: without a word about precision, a float file is built in float. Int8 with placeholder scales is asked
  // for.
  if (context.config.source("BUILD.PRECISION") == "default" && !quant::is_quantized(request.graph)) {
    request.precision = "fp32";
    console.info(cat("the file has no scales: built in fp32 (--", for_gpu(options) ? "fp16" : "bf16",
                     " is faster; --int8 and --best measure latency only)"));
  }
  // Float kernels of a CPU are the library's: nothing is measured, nothing lost.
  const bool measures = request.precision != "fp32" || for_gpu(options);
  const std::string cache_note = measures ? engine::timing_cache_note(options.build.timing_cache) : "";
  if (!cache_note.empty()) console.info("note: " + cache_note);
  request.rebuild_command = rebuild_command(context, request.precision);
  // print_report says what `info` would.
  request.callbacks = {.progress = [&console](const std::string& label, int64_t done,
                                              int64_t total) { console.progress(label, done, total, ""); },
                       .interrupted = interrupted};
  engine::BuildResult result = build_named(std::move(request), onnx);
  print_report(context, result.report, cache_note);
  return result;
}

}  // namespace qat::cli
