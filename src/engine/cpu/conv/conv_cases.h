// The problems and the data of the convolution's test.
#pragma once

#include <initializer_list>

#include "base/text.h"
#include "engine/cpu/conv/conv.h"
#include "engine/cpu/test_support.h"

namespace qat::kernels {

struct ConvData {
  Buffer x, skip;
  std::vector<int8_t> weights;
  Requant requant;
};

inline ConvData make_data(const ConvProblem& p, Random& random, Values values, Scales scales) {
  const int64_t depth = p.in_channels / p.groups * p.kernel_h * p.kernel_w;
  ConvData d{Buffer(static_cast<size_t>(p.batch * p.in_h * p.in_w * pitch_of(p.in_channels))),
             Buffer(static_cast<size_t>(p.pixels() * pitch_of(p.out_channels))),
             make_s8(static_cast<size_t>(p.out_channels * depth), random, values),
             make_requant(static_cast<size_t>(p.out_channels), random, scales, static_cast<double>(depth))};
  fill_u8(d.x, random, values);
  fill_u8(d.skip, random, values);
  if (p.in_highest == 127) halve(d.x);
  return d;
}

inline Buffer run_kernel(const ConvKernel& kernel, const ConvProblem& problem, const ConvData& d, int parts) {
  const ConvProblem p = cut(kernel, problem);
  Buffer packed(kernel.packed_bytes(p));
  kernel.pack(p, d.weights.data(), packed.data());
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  Buffer y(static_cast<size_t>(p.pixels() * output_pitch(p.epilogue, p.out_channels) * element));
  run_split(kernel, p,
            {.x = d.x.data(),
             .weights = packed.data(),
             .multiplier = d.requant.multiplier.data(),
             .bias = d.requant.bias.data(),
             .skip = p.epilogue.has_skip ? d.skip.data() : nullptr,
             .y = y.data()},
            parts);
  return y;
}

inline std::string describe(const ConvProblem& p);

// Each kernel's results, for each split into parts, to the last bit those of the reference.
inline void expect_reference(ConvProblem p, const ConvData& d, std::span<const ConvKernel* const> kernels,
                             std::initializer_list<int> splits) {
  const Buffer expected = run_kernel(conv_kernels().back(), p, d, 1);
  const int64_t pitch = output_pitch(p.epilogue, p.out_channels) * (p.epilogue.output == Output::kF32 ? 4 : 1);
  for (const ConvKernel* kernel : kernels) {
    for (const int parts : splits) {
      p.members = parts;
      ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, d, parts), pitch))
          << kernel->name << " " << describe(p) << " parts " << parts;
    }
  }
}

inline std::string describe(const ConvProblem& p) {
  return cat("C ", p.in_channels, " K ", p.out_channels, " G ", p.groups, " kernel ", p.kernel_h, "x", p.kernel_w,
             " stride ", p.stride_h, "x", p.stride_w, " dilation ", p.dilation_h, "x", p.dilation_w, " pads ",
             p.pad_top, ",", p.pad_left, ",", p.pad_bottom, ",", p.pad_right, " image ", p.batch, "x", p.in_h, "x",
             p.in_w, " z ", p.in_zero_point, " activation ", static_cast<int>(p.epilogue.activation), " output ",
             static_cast<int>(p.epilogue.output), " skip ", p.epilogue.has_skip, " zero point ", p.epilogue.zero_point);
}

// What kernels must be right for: odd sizes, channels around every tile's edge, strides, dilations, pads, groups.
inline std::vector<ConvProblem> conv_problems() {
  return {
      {.in_channels = 1, .out_channels = 1, .in_h = 1, .in_w = 1},
      {.in_channels = 3,
       .out_channels = 5,
       .kernel_h = 7,
       .kernel_w = 7,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 3,
       .pad_left = 3,
       .pad_bottom = 3,
       .pad_right = 3,
       .in_h = 23,
       .in_w = 30},
      {.in_channels = 2,
       .out_channels = 16,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .batch = 2,
       .in_h = 9,
       .in_w = 7},
      {.in_channels = 64, .out_channels = 64, .in_h = 7, .in_w = 7},
      {.in_channels = 64, .out_channels = 31, .batch = 3, .in_h = 5, .in_w = 3},
      {.in_channels = 5, .out_channels = 33, .in_h = 4, .in_w = 4},
      {.in_channels = 20, .out_channels = 65, .stride_h = 2, .stride_w = 2, .in_h = 15, .in_w = 14},
      {.in_channels = 32,
       .out_channels = 48,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .batch = 1,
       .in_h = 14,
       .in_w = 14},
      {.in_channels = 17,
       .out_channels = 9,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 1,
       .dilation_h = 2,
       .dilation_w = 3,
       .pad_top = 2,
       .pad_left = 3,
       .pad_bottom = 1,
       .pad_right = 0,
       .in_h = 11,
       .in_w = 13},
      {.in_channels = 8,
       .out_channels = 100,
       .kernel_h = 1,
       .kernel_w = 5,
       .pad_left = 4,
       .pad_right = 4,
       .in_h = 3,
       .in_w = 2},
      {.in_channels = 6,
       .out_channels = 12,
       .kernel_h = 5,
       .kernel_w = 3,
       .pad_top = 4,
       .pad_bottom = 4,
       .in_h = 1,
       .in_w = 6},
      {.in_channels = 12,
       .out_channels = 18,
       .groups = 3,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .in_h = 6,
       .in_w = 6},
      {.in_channels = 32,
       .out_channels = 32,
       .groups = 8,
       .kernel_h = 3,
       .kernel_w = 3,
       .stride_h = 2,
       .stride_w = 2,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .in_h = 9,
       .in_w = 9},
      {.in_channels = 15, .out_channels = 10, .groups = 5, .in_h = 3, .in_w = 5},
      {.in_channels = 128, .out_channels = 72, .groups = 2, .batch = 2, .in_h = 5, .in_w = 5},
      {.in_channels = 7,
       .out_channels = 7,
       .groups = 7,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .in_h = 5,
       .in_w = 5},
      {.in_channels = 600,
       .out_channels = 40,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .in_h = 7,
       .in_w = 7},
      // Channels side by side in a band, with and without pads, in segments that round up.
      {.in_channels = 3,
       .out_channels = 40,
       .kernel_h = 7,
       .kernel_w = 7,
       .stride_h = 2,
       .stride_w = 2,
       .batch = 2,
       .in_h = 20,
       .in_w = 63},
      {.in_channels = 1,
       .out_channels = 33,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .batch = 2,
       .in_h = 28,
       .in_w = 28},
      {.in_channels = 6, .out_channels = 20, .kernel_h = 2, .kernel_w = 4, .pad_left = 3, .in_h = 5, .in_w = 17},
      // Several blocks of rows times several panels, with and without groups.
      {.in_channels = 8,
       .out_channels = 70,
       .kernel_h = 3,
       .kernel_w = 3,
       .pad_top = 1,
       .pad_left = 1,
       .pad_bottom = 1,
       .pad_right = 1,
       .batch = 2,
       .in_h = 21,
       .in_w = 20},
      {.in_channels = 24,
       .out_channels = 120,
       .groups = 3,
       .kernel_h = 3,
       .kernel_w = 3,
       .batch = 2,
       .in_h = 19,
       .in_w = 18},
      {.in_channels = 16, .out_channels = 40, .batch = 2, .in_h = 20, .in_w = 19},
      // Ranges of panels: pairs, with a last one that is narrower or not full, or that has one vector.
      {.in_channels = 40, .out_channels = 176, .batch = 2, .in_h = 15, .in_w = 13},
      {.in_channels = 72, .out_channels = 120, .in_h = 9, .in_w = 7},
      {.in_channels = 68, .out_channels = 160, .stride_h = 2, .stride_w = 2, .in_h = 9, .in_w = 9},
  };
}

}  // namespace qat::kernels
