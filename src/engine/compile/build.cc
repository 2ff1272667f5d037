// From a request to a plan: see build.h.
#include "engine/compile/build.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/cpu.h"
#include "base/error.h"
#include "base/threads.h"
#include "engine/compile/cuda_tactics.h"
#include "engine/compile/join_adds.h"
#include "engine/compile/passes.h"
#include "engine/compile/placeholder.h"
#include "engine/compile/plan_run.h"
#include "engine/compile/run_choices.h"
#include "engine/compile/tactic_key.h"
#include "engine/compile/tactics.h"
#include "engine/cuda/backend.h"
#include "engine/runtime/shape_binding.h"
#include "ir/shapes.h"
#include "ir/verify.h"
#include "quant/placement.h"

namespace qat::engine {

InputShape parse_shape(const std::string& text) {
  const size_t colon = text.rfind(':');
  const std::vector<std::string> parts = split(colon == std::string::npos ? text : text.substr(colon + 1), 'x');
  InputShape shape{};
  for (size_t i = 0; i < 4 && parts.size() == 4; ++i) {
    const bool digits =
        !parts[i].empty() && parts[i].size() < 10 && parts[i].find_first_not_of("0123456789") == std::string::npos;
    if (digits) shape[i] = std::stoll(parts[i]);
  }
  for (const int64_t extent : shape) {
    if (extent <= 0) fail(Code::kUsage, "expected a shape like input:1x3x224x224, got \"", text, "\"");
  }
  return shape;
}

namespace {

std::string text(const InputShape& shape) { return join(shape, "x"); }

void check_precision(BuildRequest& request, BuildReport& report) {
  const std::string asked = request.precision;
  if (asked != "fp32" && asked != "bf16" && asked != "fp16" && asked != "int8" && asked != "best") {
    fail(Code::kUsage, "precision: expected fp32, bf16, fp16, int8 or best, got ", asked);
  }
  if (asked != "bf16" && asked != "fp16") return;
  const bool gpu = request.device == Device::kCuda;
  request.precision = gpu ? "fp16" : cpu().avx512_bf16 ? "bf16" : "fp32";
  if (asked != request.precision) {
    report.notes.push_back(
        cat(asked, " is not available on this ", gpu ? "GPU" : "CPU", ": ", request.precision, " is used"));
  }
}

// Profile against the graph's declared input; fills in what was not asked.
void check_profile(BuildRequest& request) {
  const ir::Graph& graph = request.graph;
  if (graph.inputs.size() != 1 || graph.value(graph.inputs[0]).dims.size() != 4) {
    fail(Code::kBadFile, "[graph ", graph.name, "] engines take one input [N,C,H,W], this network has ",
         graph.inputs.size());
  }
  const ir::Value& input = graph.value(graph.inputs[0]);
  Profile& p = request.profile;
  const InputShape none{0, 0, 0, 0};
  for (size_t i = 0; i < 4; ++i) {
    if (p.opt == none && p.min == none && p.max == none && input.dims[i] == ir::kDynamic && i > 0) {
      fail(Code::kUsage, "[input ", input.name, "] is ", ir::to_text(input.dims),
           ": give --shapes, or --minShapes, --optShapes and --maxShapes");
    }
  }
  if (p.opt == none) p.opt = p.max != none ? p.max : p.min;
  if (p.opt == none) {
    for (size_t i = 0; i < 4; ++i) p.opt[i] = input.dims[i] == ir::kDynamic ? 1 : input.dims[i];
  }
  if (p.min == none) p.min = p.opt;
  if (p.max == none) p.max = p.opt;
  for (size_t i = 0; i < 4; ++i) {
    if (p.min[i] > p.opt[i] || p.opt[i] > p.max[i] || p.min[i] < 1) {
      fail(Code::kUsage, "shapes: expected 1 <= min <= opt <= max, got ", text(p.min), ", ", text(p.opt), ", ",
           text(p.max));
    }
    const int64_t own = input.dims[i];
    if (own != ir::kDynamic && (p.min[i] != own || p.max[i] != own)) {
      if (i == 1) {  // no export leaves them open
        fail(Code::kUsage, "[input ", input.name, "] takes images of ", own, own == 1 ? " channel" : " channels",
             ", not of the shapes ", text(p.min), " to ", text(p.max), "; write NxCxHxW with C = ", own);
      }
      fail(Code::kUsage, "[input ", input.name, "] the file fixes it to ", ir::to_text(input.dims), ", shapes ",
           text(p.min), " to ", text(p.max), " do not fit; build for its own, or export it with dynamic extents");
    }
  }
}

// Every shape between min and max must work; a network that fixes height and width says so here.
void check_extremes(const ir::Graph& graph, const Profile& profile) {
  for (const InputShape& shape : {profile.opt, profile.min, profile.max}) {
    ir::Graph copy = graph;
    try {
      ir::infer_shapes(copy, {{shape[0], shape[1], shape[2], shape[3]}});
    } catch (const Error& error) {
      fail(Code::kUsage, "input ", text(shape), " does not work for ", graph.name, ": ", error.what(),
           "; a network whose form fixes height and width needs them equal in min, opt and max");
    }
  }
}

std::vector<std::string> fusion_lines(const PassContext& context) {
  std::vector<std::string> lines;
  for (const auto& [layer, parts] : context.fused) lines.push_back(join(parts, " + ") + " -> 1 step");
  return lines;
}

// Layers whose float form was measured faster, conversions included (at 8 GB/s).
std::set<std::string> faster_in_float(const Draft& draft, const BuildRequest& request, TimingCache& cache,
                                      BuildReport& report) {
  kernels::FloatBackend* library = float_library();
  if (library == nullptr) {
    report.notes.push_back("best: no float library, so int8 everywhere");
    return {};
  }
  std::set<std::string> layers;
  const std::vector<Extents> extents = infer_extents(draft.plan, request.profile.opt);
  const int threads = request.threads > 0 ? request.threads : usable_cpus();
  double spent = 0;
  for (size_t i = 0; i < draft.plan.steps.size(); ++i) {
    const Step& s = draft.plan.steps[i];
    double int8 = report.layers[i].milliseconds;
    for (const Alternative& a : draft.alternatives) {
      if (a.step == i) int8 = std::min(int8, a.milliseconds);
    }
    if (!draft.weights[i].defined() || int8 <= 0) continue;
    const std::string key = tactic_key(draft.plan, s, extents, threads, {}) + "|float";
    if (!cache.find(key)) {
      const auto start = std::chrono::steady_clock::now();
      const bool time_left = spent < request.tactic_seconds;
      cache.add(key, rounded_time(1e6 * time_float(*library, draft, i, extents, threads, time_left)));
      spent += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    const auto elements = [&](int32_t id) {
      const auto at = static_cast<size_t>(id);
      return static_cast<double>(extents[at].pixels()) * draft.plan.tensors[at].channels;
    };
    const double converting = 5 * (elements(s.inputs[0]) + elements(s.output)) / 8e9;
    if (1e-3 * *cache.find(key) + 1e3 * converting < 0.95 * int8) layers.insert(s.name);
  }
  return layers;
}

void announce(const BuildReport& report, const std::function<void(const std::string&)>& info) {
  if (!info) return;
  for (const auto* lines : {&report.notes, &report.fusions, &report.not_int8}) {
    for (const std::string& line : *lines) info(line);
  }
}

// bf16 where the float library has every step.
void to_bf16(Draft& draft, BuildReport& report) {
  if (!all_in_float_library(draft.plan) || draft.plan.input_mode != InputMode::kF32Nchw) {
    report.notes.push_back("bf16: some steps have no bf16 form, the engine is fp32");
    draft.plan.precision = "fp32";
    return;
  }
  for (PlanTensor& t : draft.plan.tensors) {
    if (t.constant.size == 0) t.storage = Storage::kBF16;
  }
  draft.plan.needs_avx512_bf16 = true;
}

std::string default_rebuild(const BuildRequest& request) {
  return cat("qat build --onnx=", request.graph.name, ".onnx --", request.precision,
             " --minShapes=", text(request.profile.min), " --optShapes=", text(request.profile.opt),
             " --maxShapes=", text(request.profile.max), request.device == Device::kCuda ? kCudaOverride : "");
}

}  // namespace

namespace {

// Microseconds of a run at the optimal shape, the median; from the cache where it knows the plan. Not the least: where
// the float library's threads and the team's want the same cores, a lucky run says nothing.
double time_plan(const Plan& plan, int asked_threads, TimingCache& cache) {
  constexpr size_t kRuns = 9, kFewest = 3;
  constexpr double kSeconds = 0.3;
  const int threads = asked_threads > 0 ? asked_threads : usable_cpus();
  const std::string key = plan_key(plan, threads);
  if (const auto known = cache.find(key)) return *known;
  PlanRun run(plan, threads, plan.profile.opt);
  run.seconds();
  std::vector<double> seconds;
  double spent = 0;
  while (seconds.size() < kFewest || (seconds.size() < kRuns && spent < kSeconds)) {
    seconds.push_back(run.seconds());
    spent += seconds.back();
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
  cache.add(key, rounded_time(1e6 * seconds[seconds.size() / 2]));
  return *cache.find(key);
}

// Does the plan with float layers run faster as a whole, with the threads asked for and with all? Its parts were timed
// alone, without what passing between the float library and the int8 kernels costs.
bool wins(const Draft& mixed, const Draft& int8, const BuildRequest& request, TimingCache& cache) {
  const Plan one = packed(mixed), other = packed(int8);
  for (const int threads : {request.threads, 0}) {
    if (time_plan(one, threads, cache) >= time_plan(other, threads, cache)) return false;
  }
  return true;
}

// `best` of a file without quantizers: int8 would need scales that nobody calibrated, so float types compete.
BuildResult best_float(BuildRequest request) {
  const bool gpu = request.device == Device::kCuda;
  request.precision = gpu ? "fp16" : "fp32";
  BuildResult best = build(request);
  if (!gpu && cpu().avx512_bf16) {
    request.precision = "bf16";
    BuildResult other = build(request);
    TimingCache cache(request.timing_cache);
    const auto time = [&](const BuildResult& built) { return time_plan(built.plan, request.threads, cache); };
    if (other.plan.precision == "bf16" && time(other) < time(best)) best = std::move(other);
    if (std::string why = cache.save(); !why.empty()) best.report.notes.push_back(std::move(why));
  }
  best.report.notes.push_back(cat("no Q/DQ: best chooses among float kernels (", best.plan.precision,
                                  "); --int8 builds with placeholder scales"));
  best.plan.precision = "best";
  return best;
}

// Kernels, and on a CPU the schedule, by measurement on the device that the plan is for.
void choose(Draft& draft, bool int8, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  if (request.device == Device::kCpu) {
    join_adds(draft);
    choose_kernels(draft, request, cache, report);
    if (int8) choose_in_runs(draft, request, cache, report);
    return;
  }
  draft.plan.device = Device::kCuda;
  draft.plan.compute_capability = cuda_backend().device().compute_capability;
  if (request.precision == "fp16") to_f16(draft);
  choose_cuda_kernels(draft, request, cache, report);
}

}  // namespace

BuildResult build(BuildRequest request) {
  const auto start = std::chrono::steady_clock::now();
  PassContext context;
  if (request.device == Device::kCuda) static_cast<void>(cuda_backend().device());
  check_precision(request, context.report);
  check_profile(request);
  if (request.precision == "best" && !quant::is_quantized(request.graph)) {
    const auto info = std::exchange(request.callbacks.info, nullptr);
    BuildResult result = best_float(std::move(request));
    announce(result.report, info);
    return result;
  }
  context.int8 = request.precision == "int8" || request.precision == "best";
  if (request.rebuild_command.empty()) request.rebuild_command = default_rebuild(request);
  ir::verify(request.graph);
  ir::infer_shapes(request.graph);
  check_extremes(request.graph, request.profile);
  bool placeholder = false;
  if (context.int8 && !quant::is_quantized(request.graph)) {
    request.graph = with_placeholder_scales(request.graph);
    placeholder = true;
    context.report.notes.push_back(
        "the file has no quantizers: scales are placeholders, the engine is for latency only");
  }
  TimingCache cache(request.timing_cache);
  const PassContext fresh = context;
  ir::Graph lowered = run_passes(request.graph, request.disabled_passes, context);
  Draft draft = make_draft(lowered, request, context);
  choose(draft, context.int8, request, cache, context.report);
  if (request.precision == "best" && request.device == Device::kCpu) {
    const std::set<std::string> keep = faster_in_float(draft, request, cache, context.report);
    if (!keep.empty()) {
      PassContext other = fresh;
      other.keep_float = keep;
      Draft mixed = make_draft(run_passes(request.graph, request.disabled_passes, other), request, other);
      choose(mixed, other.int8, request, cache, other.report);
      if (wins(mixed, draft, request, cache)) {
        draft = std::move(mixed);
        context = std::move(other);
      } else {
        context.report.notes.push_back(
            cat("best: ", join(keep, ", "), " run faster in float alone, the whole network does not: int8 everywhere"));
      }
    }
  }
  if (std::string why = cache.save(); !why.empty()) context.report.notes.push_back(std::move(why));
  if (request.precision == "bf16") to_bf16(draft, context.report);
  draft.plan.placeholder = placeholder;
  BuildReport& report = context.report;
  report.placeholder = placeholder;
  report.fusions = fusion_lines(context);
  for (LayerReport& layer : report.layers) {
    if (layer.precision == "fp32" && draft.plan.needs_avx512_bf16) layer.precision = "bf16";
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  announce(report, request.callbacks.info);
  const bool gpu = request.device == Device::kCuda;
  return {gpu ? std::move(draft).finish() : packed(std::move(draft)), std::move(report)};
}

}  // namespace qat::engine
