// From a problem and its arguments to the kernels' parameter.
#include "engine/cuda/conv/conv_params.h"

namespace qat::cuda {
namespace {

int32_t narrow(int64_t v) { return static_cast<int32_t>(v); }

}  // namespace

OutputParams output_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, int64_t blocks) {
  const int64_t pitch = pitch_of(p.out_channels), block_out = p.out_channels / blocks;
  return {.multiplier = a.multiplier,
          .bias = a.bias,
          .skip = a.skip,
          .y = a.y,
          .epilogue = device_epilogue(p.epilogue),
          .unit = unit_epilogue(p.epilogue),
          .has_skip = p.epilogue.has_skip,
          .f32_output = p.epilogue.output == kernels::Output::kF32,
          .pixels = narrow(p.pixels()),
          .block_out = narrow(block_out),
          .stored = narrow(blocks > 1 ? block_out : pitch),
          .out_channels = narrow(p.out_channels),
          .out_pitch = narrow(pitch)};
}

ConvParams conv_params(const kernels::ConvProblem& p, const kernels::ConvArgs& a, int64_t tile_columns) {
  const ConvShape shape(p);
  const auto* packed = static_cast<const uint8_t*>(a.weights);
  const int64_t pixel_units = pitch_of(p.in_channels) / 16;
  const int64_t column_tiles = (shape.rows + tile_columns - 1) / tile_columns;
  ConvParams to{output_params(p, a, shape.blocks)};
  to.x = a.x;
  to.pad_line = packed;
  to.start = reinterpret_cast<const int32_t*>(packed + shape.start_offset());
  to.weights = reinterpret_cast<const int8_t*>(packed + shape.weights_offset());
  to.reused = p.kernel_h * p.kernel_w > 1;
  to.pad_bytes = p.in_zero_point ? 16 : 0;
  to.out_image = Divisor(p.out_h() * p.out_w());
  to.out_row = Divisor(p.out_w());
  to.in_h = narrow(p.in_h), to.in_w = narrow(p.in_w);
  to.stride_h = narrow(p.stride_h), to.stride_w = narrow(p.stride_w);
  to.pad_top = narrow(p.pad_top), to.pad_left = narrow(p.pad_left);
  to.kernel_h = narrow(p.kernel_h), to.kernel_w = Divisor(p.kernel_w);
  to.dilation_h = narrow(p.dilation_h), to.dilation_w = narrow(p.dilation_w);
  to.pixel_units = narrow(pixel_units);
  to.units = Divisor(shape.units);
  to.step_h = narrow(p.dilation_h * p.in_w * pixel_units), to.step_w = narrow(p.dilation_w * pixel_units);
  to.rows = narrow(shape.rows), to.row_bytes = narrow(shape.row_bytes), to.depth = narrow(shape.depth);
  to.column_tiles = Divisor(shape.blocks * column_tiles);
  to.block_column_tiles = Divisor(column_tiles);
  return to;
}

}  // namespace qat::cuda
