// Trials bind a plan of one step: see trial.h.
#include "engine/compile/trial.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/measure.h"
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
    if constexpr (requires { kernel.packed_bytes; }) {
      candidate.packed_bytes = kernel.packed_bytes(problem);
      candidate.prepares = kernel.prepares;
    }
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

int32_t sum_bits(const StepView& conv, const Tensor& weights) {
  return is_depthwise(conv) ? StepAttrs{}.sum_bits : kernels::sum_bits(conv_problem(conv), weights.data<int8_t>());
}

void pack_weights(const Plan& plan, const Step& step, const std::vector<Extents>& extents, const std::string& kernel,
                  const Tensor& weights, void* packed) {
  const StepView v{plan, step, extents};
  if (step.op == StepOp::kGemm) return pack(kernels::gemm_kernels(), gemm_problem(v), kernel, weights, packed);
  if (is_depthwise(v)) return pack(kernels::depthwise_kernels(), depthwise_problem(v), kernel, weights, packed);
  pack(kernels::conv_kernels(), conv_problem(v), kernel, weights, packed);
}

namespace {

// AMX takes a quarter longer for random bytes than for zeros. A pattern of 4 KiB, again and again; finds the pages,
// too.
void fill_random(std::byte* to, size_t bytes) {
  constexpr size_t kPattern = 4096;
  Random random(1);
  for (size_t i = 0; i < std::min(bytes, kPattern); ++i) to[i] = static_cast<std::byte>(random.bits() & 0x7F);
  for (size_t done = kPattern; done < bytes; done += kPattern)
    std::memcpy(to + done, to, std::min(kPattern, bytes - done));
}

// The least of some runs: ends when kStable in a row were no 1 % faster, which idle machines reach at once and noisy
// ones soon. run(i) does slice i of the work and says what part of the whole that was. Seconds of the whole.
template <class Run>
double least(const Run& run, double (*now)(), double give_up, bool patient) {
  constexpr int kStable = 3, kMost = 12;
  double best = 1e30;
  for (int i = 0, stable = 0; i < kMost && stable < kStable; ++i) {
    const double start = now(), part = run(i), seconds = (now() - start) / part;
    stable = seconds < 0.99 * best ? 0 : stable + 1;
    best = std::min(best, seconds);
    if (!patient || best > give_up) break;
  }
  return best;
}

// A slice is 2e8 operations a member, some 0.2 ms by the best kernels: enough for the clock, and a step of 10 ms needs
// no more time than one of 1 ms. The slices of a step follow each other, so caches see what they see in a run. With
// more images than members a slice is an image a member, of 2e7 operations or more: a run depth first keeps those in
// cache.
constexpr double kSliceOperations = 2e8, kLeastOperations = 2e7;
constexpr int64_t kMostSlices = 32;

size_t align_up(size_t n) { return (n + kBlobAlign - 1) / kBlobAlign * kBlobAlign; }

Plan without_blobs(const Plan& plan, size_t step) {
  Plan copy{.profile = plan.profile, .tensors = plan.tensors};
  copy.steps = {plan.steps[step]};
  return copy;
}

}  // namespace

Trial::Trial(const Draft& draft, size_t step, const std::vector<Extents>& extents, int members)
    : plan_(without_blobs(draft.plan, step)), step_(plan_.steps[0]), extents_(extents), members_(members) {
  const double operations = cost_of({plan_, step_, extents_}).operations;
  const auto slices_of = [&](double least) { return static_cast<int64_t>(operations / (least * members)); };
  const int64_t batch = extents[static_cast<size_t>(step_.output)].n;
  images_ = batch / members;
  slices_ = std::clamp(slices_of(kSliceOperations), int64_t{1}, kMostSlices);
  slices_ = std::max(slices_, std::min(images_, slices_of(kLeastOperations)));
  memory_.assign(plan_.tensors.size(), nullptr);
  const std::vector<size_t> reused = reusable_inputs(plan_, step_, extents);  // as if no later step read the skip
  std::vector<int32_t> ids = step_.inputs;
  ids.push_back(step_.output);
  for (const int32_t id : ids) {
    const auto at = static_cast<size_t>(id);
    if (id == step_.output && !reused.empty()) {
      memory_[at] = memory_[static_cast<size_t>(step_.inputs[reused.front()])];
      continue;
    }
    buffers_.emplace_back(tensor_bytes(plan_.tensors[at], extents[at], pitch_of(plan_.tensors[at])) + kSlack);
    fill_random(buffers_.back().data(), buffers_.back().size());
    memory_[at] = buffers_.back().data();
    image_bytes_ += buffers_.back().size() / static_cast<size_t>(batch);
  }
}

double Trial::seconds(const Candidate& candidate, double give_up, bool patient) {
  step_.kernel = candidate.name;
  // Packed weights, and the step's M and B of any values.
  const size_t channels = align_up(static_cast<size_t>(plan_.tensors[static_cast<size_t>(step_.output)].channels) * 4);
  const size_t packed = align_up(candidate.packed_bytes);
  AlignedBuffer blobs(packed + 2 * channels + kSlack);
  std::memset(blobs.data(), 0x01, blobs.size());
  fill_random(blobs.data(), packed);
  step_.blobs = {Blob{0, candidate.packed_bytes}, Blob{packed, step_.blobs[1].size},
                 Blob{packed + channels, step_.blobs[2].size}};
  plan_.blobs = {blobs.data(), blobs.size()};
  const auto bound = bind_step({.view = {plan_, step_, extents_}, .memory = memory_, .members = members_});
  AlignedBuffer scratch(bound->scratch_bytes());
  if (scratch.size() > 0) std::memset(scratch.data(), 0, scratch.size());  // a run finds its pages
  const int64_t units = bound->units(), slices = std::min(slices_, units);
  // Weights that an image's activations outweigh are in cache, in a run, when the next image comes; others are not.
  const bool stays = images_ > 1 && candidate.packed_bytes < image_bytes_;
  const int64_t in_turn = stays ? std::max<int64_t>(1, slices / images_) : slices;
  const auto run = [&](int i) {
    // The first member's part of a slice; of a small one, where members have unequal parts, the largest is a unit.
    const int64_t slice = i % in_turn, begin = units * slice / slices, end = units * (slice + 1) / slices;
    const int64_t own = (end - begin + members_ - 1) / members_;
    bound->run(begin, begin + own, scratch.data());
    return static_cast<double>(end - begin) / static_cast<double>(units);
  };
  return least(run, thread_seconds, give_up, patient);
}

kernels::FloatBackend* float_library() {
  try {
    return &plugin<kernels::FloatBackend>(kernels::kFloatPlugin, kernels::kFloatPluginRemedy);
  } catch (const Error&) {
    return nullptr;
  }
}

double time_float(kernels::FloatBackend& library, const Draft& draft, size_t index, const std::vector<Extents>& extents,
                  int threads, bool patient) {
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
  const auto step = library.conv(p, weights.data(), bias.data(), threads);
  AlignedBuffer x(p.x.bytes() + kSlack), y(p.y().bytes() + kSlack), scratch(step->scratch_bytes() + 64);
  std::memset(x.data(), 0, x.size());
  const kernels::FloatArgs args{.inputs = {x.data()}, .y = y.data()};
  const auto run = [&](int) {
    step->run(args, scratch.data());
    return 1.0;
  };
  return least(run, wall_seconds, 1.0, patient);
}

}  // namespace qat::engine
