// Trials bind a plan of one step: see trial.h.
#include "engine/compile/trial.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "base/plugin.h"
#include "base/random.h"
#include "engine/runtime/bound_step.h"
#include "engine/runtime/memory.h"

namespace qat::engine {

namespace {

template <class KernelType>
void collect(std::span<const KernelType> table, const typename KernelType::Problem& problem,
             std::vector<Candidate>& out) {
  for (const KernelType& kernel : table) {
    if (!kernels::runnable(kernel.isa) || kernel.supports(problem) != nullptr) continue;
    Candidate candidate{.name = kernel.name, .isa = kernel.isa};
    if constexpr (requires { kernel.packed_bytes; }) candidate.packed_bytes = kernel.packed_bytes(problem);
    out.push_back(candidate);
  }
}

template <class KernelType>
void pack(std::span<const KernelType> table, const typename KernelType::Problem& problem, const std::string& name,
          const Tensor& weights, void* packed) {
  const KernelType* kernel = kernels::find(table, name);
  QAT_ASSERT(kernel != nullptr);
  kernel->pack(problem, weights.data<int8_t>().data(), packed);
}

}  // namespace

std::vector<Candidate> candidates(const Plan& plan, const Step& step, const std::vector<Extents>& extents) {
  const StepView v{plan, step, extents};
  std::vector<Candidate> found;
  const auto coded = [&](const PlanTensor& t) { return t.storage == Storage::kU8; };
  switch (step.op) {
    case StepOp::kConv:
      if (is_depthwise(v)) collect(kernels::depthwise_kernels(), depthwise_problem(v), found);
      if (!is_depthwise(v)) collect(kernels::conv_kernels(), conv_problem(v), found);
      break;
    case StepOp::kGemm:
      collect(kernels::gemm_kernels(), gemm_problem(v), found);
      break;
    case StepOp::kAdd:
      collect(kernels::add_kernels(), add_problem(v), found);
      break;
    case StepOp::kMul:
      collect(kernels::mul_kernels(), mul_problem(v), found);
      break;
    case StepOp::kMaxPool:
    case StepOp::kAvgPool:
    case StepOp::kGlobalAvgPool:
      collect(kernels::pool_kernels(), pool_problem(v), found);
      break;
    case StepOp::kConcat: {
      const auto inputs = concat_inputs(v);
      collect(kernels::concat_kernels(), concat_problem(v, inputs), found);
      break;
    }
    case StepOp::kLut:
      collect(kernels::lut_kernels(), lut_problem(v), found);
      break;
    case StepOp::kQuantize:
      collect(kernels::quantize_kernels(), quantize_problem(v, kernels::QuantizeSource::kF32Nhwc, v.out_extents()),
              found);
      break;
    case StepOp::kReadF32:
    case StepOp::kReadU8:
      if (!coded(v.out())) break;
      collect(kernels::quantize_kernels(),
              quantize_problem(
                  v, step.op == StepOp::kReadU8 ? kernels::QuantizeSource::kU8Nhwc : kernels::QuantizeSource::kF32Nchw,
                  v.out_extents()),
              found);
      break;
    case StepOp::kDequantize:
    case StepOp::kWriteF32:
      if (!coded(v.in(0))) break;
      collect(kernels::dequantize_kernels(),
              dequantize_problem(v, step.op == StepOp::kWriteF32 ? kernels::DequantizeTarget::kF32Nchw
                                                                 : kernels::DequantizeTarget::kF32Nhwc),
              found);
      break;
    default:
      break;
  }
  return found;
}

void pack_weights(const Plan& plan, const Step& step, const std::vector<Extents>& extents, const std::string& kernel,
                  const Tensor& weights, void* packed) {
  const StepView v{plan, step, extents};
  if (step.op == StepOp::kGemm) return pack(kernels::gemm_kernels(), gemm_problem(v), kernel, weights, packed);
  if (is_depthwise(v)) return pack(kernels::depthwise_kernels(), depthwise_problem(v), kernel, weights, packed);
  pack(kernels::conv_kernels(), conv_problem(v), kernel, weights, packed);
}

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void fill_random(std::byte* data, size_t size) {
  Random random(size);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    const uint64_t bits = random.bits();
    std::memcpy(data + i, &bits, 8);
  }
}

// The least of a few runs; a millisecond or two in all.
template <class Run>
double least(const Run& run, double give_up) {
  auto start = Clock::now();
  run();
  double best = seconds_since(start);
  if (best > give_up) return best;
  const int runs = std::clamp(static_cast<int>(2e-3 / best), 2, 50);
  for (int i = 0; i < runs; ++i) {
    start = Clock::now();
    run();
    best = std::min(best, seconds_since(start));
  }
  return best;
}

struct Work {
  BoundStep& step;
  Team& team;
  std::vector<AlignedBuffer>& scratch;

  static void member(void* context, int index) {
    Work& w = *static_cast<Work*>(context);
    const int64_t units = w.step.units(), members = w.team.size();
    const int64_t begin = units * index / members, end = units * (index + 1) / members;
    if (begin < end) w.step.run(begin, end, w.scratch[static_cast<size_t>(index)].data());
  }
};

}  // namespace

double time_kernel(const Draft& draft, size_t index, const std::vector<Extents>& extents, const Candidate& candidate,
                   Team& team, double give_up) {
  // The same tensors; blobs of its own: packed weights and the step's M and B.
  Plan plan = draft.plan;
  Step& step = plan.steps[index];
  step.kernel = candidate.name;
  const auto aligned = [](size_t n) { return (n + 63) / 64 * 64; };
  const size_t m = aligned(candidate.packed_bytes), b = m + aligned(step.blobs[1].size), end = b + step.blobs[2].size;
  AlignedBuffer blobs(end + 64);
  std::memset(blobs.data(), 0, blobs.size());
  if (draft.weights[index].defined()) {
    pack_weights(draft.plan, step, extents, candidate.name, draft.weights[index], blobs.data());
    step.blobs = {Blob{0, candidate.packed_bytes}, Blob{m, step.blobs[1].size}, Blob{b, step.blobs[2].size}};
  }
  plan.blobs = {blobs.data(), blobs.size()};
  std::vector<AlignedBuffer> buffers;
  std::vector<std::byte*> memory(plan.tensors.size(), nullptr);
  std::vector<int32_t> ids = step.inputs;
  ids.push_back(step.output);
  for (const int32_t id : ids) {
    const auto at = static_cast<size_t>(id);
    buffers.emplace_back(tensor_bytes(plan.tensors[at], extents[at], pitch_of(plan.tensors[at])) + kSlack);
    fill_random(buffers.back().data(), buffers.back().size());
    memory[at] = buffers.back().data();
  }
  const std::unique_ptr<BoundStep> bound = bind_step({.view = {plan, step, extents}, .memory = memory});
  std::vector<AlignedBuffer> scratch;
  for (int i = 0; i < team.size(); ++i) scratch.emplace_back(bound->scratch_bytes());
  Work work{*bound, team, scratch};
  return least([&] { team.run(Work::member, &work); }, give_up);
}

std::optional<double> time_float(const Draft& draft, size_t index, const std::vector<Extents>& extents, int threads) {
  kernels::FloatBackend* library = nullptr;
  try {
    library = &plugin<kernels::FloatBackend>(kernels::kFloatPlugin, kernels::kFloatPluginRemedy);
  } catch (const Error&) {
    return std::nullopt;
  }
  const Step& s = draft.plan.steps[index];
  const auto tensor = [&](int32_t id) { return draft.plan.tensors[static_cast<size_t>(id)]; };
  const Extents in = extents[static_cast<size_t>(s.inputs[0])];
  kernels::FloatConvProblem p;
  p.x = {.n = in.n, .c = tensor(s.inputs[0]).channels, .h = in.h, .w = in.w};
  p.out_channels = tensor(s.output).channels;
  p.groups = s.attrs.groups;
  p.kernel_h = s.attrs.kernel[0], p.kernel_w = s.attrs.kernel[1];
  p.stride_h = s.attrs.stride[0], p.stride_w = s.attrs.stride[1];
  p.dilation_h = s.attrs.dilation[0], p.dilation_w = s.attrs.dilation[1];
  p.pad_top = s.attrs.pads[0], p.pad_left = s.attrs.pads[1];
  p.pad_bottom = s.attrs.pads[2], p.pad_right = s.attrs.pads[3];
  const std::vector<float> weights(static_cast<size_t>(draft.weights[index].size()), 0.01f);
  const std::vector<float> bias(static_cast<size_t>(p.out_channels), 0.5f);
  const auto step = library->conv(p, weights.data(), bias.data(), threads);
  AlignedBuffer x(p.x.bytes() + kSlack), y(p.y().bytes() + kSlack), scratch(step->scratch_bytes() + 64);
  std::memset(x.data(), 0, x.size());
  const kernels::FloatArgs args{.inputs = {x.data()}, .y = y.data()};
  return least([&] { step->run(args, scratch.data()); }, 1.0);
}

}  // namespace qat::engine
