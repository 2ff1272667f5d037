// What the convolutions' tests share: a problem through every kernel, against the CPU's reference.
#pragma once

#include <set>

#include "engine/cpu/conv/conv_cases.h"
#include "engine/cuda/conv/conv.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {

// The output of `got` against the CPU's bytes.
inline ::testing::AssertionResult same_output(const kernels::ConvProblem& p, const kernels::Buffer& expected,
                                              const GuardedBuffer& got) {
  if (p.epilogue.output == kernels::Output::kU8) return same_pixels(expected.data(), got, p.pixels(), p.out_channels);
  const std::vector<uint8_t> host = got.host();
  if (!got.guards_intact()) return ::testing::AssertionFailure() << "bytes outside the output changed";
  for (size_t i = 0; i < host.size(); ++i)
    if (host[i] != expected.data()[i])
      return ::testing::AssertionFailure()
             << "float " << i / 4 << ": pixel " << static_cast<int64_t>(i / 4) / p.out_channels << ", channel "
             << static_cast<int64_t>(i / 4) % p.out_channels;
  return ::testing::AssertionSuccess();
}

// Names of the kernels that compare_all() has run.
inline std::set<std::string>& kernels_run() {
  static std::set<std::string> names;
  return names;
}

// Runs every kernel that supports the problem; the skip's buffer is the output where `in_place`.
inline void compare_all(const kernels::ConvProblem& p, const kernels::ConvData& d, bool in_place) {
  const kernels::Buffer expected = kernels::run_kernel(kernels::conv_kernels().back(), p, d, 1);
  const GuardedBuffer x(to_gpu_pitch(d.x.data(), p.batch * p.in_h * p.in_w, p.in_channels));
  const std::vector<uint8_t> skip = to_gpu_pitch(d.skip.data(), p.pixels(), p.out_channels);
  const GuardedBuffer multiplier(d.requant.multiplier), bias(d.requant.bias);
  const bool floats = p.epilogue.output == kernels::Output::kF32;
  const int64_t y_bytes = p.pixels() * (floats ? p.out_channels * 4 : pitch_of(p.out_channels));
  for (const ConvKernel* kernel : kernels_here(conv_kernels())) {
    if (kernel->supports(p)) continue;
    kernels_run().insert(kernel->name);
    std::vector<uint8_t> packed(kernel->packed_bytes(p));
    kernel->pack(p, d.weights.data(), packed.data());
    const GuardedBuffer weights(packed), gpu_skip(skip), other(static_cast<size_t>(y_bytes));
    const GuardedBuffer& y = in_place ? gpu_skip : other;
    launch_and_wait(*kernel, p,
                    {.x = x.data(),
                     .weights = weights.data(),
                     .multiplier = multiplier.as<float>(),
                     .bias = bias.as<float>(),
                     .skip = p.epilogue.has_skip ? gpu_skip.data() : nullptr,
                     .y = y.data()});
    ASSERT_TRUE(same_output(p, expected, y)) << kernel->name << " " << kernels::describe(p);
  }
}

inline void compare_all(const kernels::ConvProblem& p, Random& random, kernels::Values values, kernels::Scales scales,
                        bool in_place = false) {
  compare_all(p, kernels::make_data(p, random, values, scales), in_place);
}

inline kernels::ConvProblem square(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t extent) {
  kernels::ConvProblem p{.in_channels = in,
                         .out_channels = out,
                         .kernel_h = kernel,
                         .kernel_w = kernel,
                         .stride_h = stride,
                         .stride_w = stride,
                         .batch = 1,
                         .in_h = extent,
                         .in_w = extent};
  p.pad_top = p.pad_left = p.pad_bottom = p.pad_right = kernel / 2;
  return p;
}

}  // namespace qat::cuda
