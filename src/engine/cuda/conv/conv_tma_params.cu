// From a problem and its arguments to what the bulk-copy convolution gets.
#include "engine/cuda/conv/conv_tma_params.h"
#include "engine/cuda/conv/tensor_maps.h"
#include "engine/cuda/launch.cuh"

namespace qat::cuda {

using kernels::ConvArgs;
using kernels::ConvProblem;

namespace {

constexpr int64_t kMostColumns = 2048;  // whose multipliers, biases and start values fit beside the ring

int32_t narrow(int64_t v) { return static_cast<int32_t>(v); }

// A box is of one tap.
int box_bytes(const ConvProblem& p) {
  return p.kernel_h * p.kernel_w > 1 && pitch_of(p.in_channels) % 128 != 0 ? 64 : 128;
}

int64_t padded(const ConvProblem& p, int64_t columns) { return (p.out_channels + columns - 1) / columns * columns; }

// Of a tap.
int64_t boxes(const ConvProblem& p) { return (ConvShape(p).units * 16 + box_bytes(p) - 1) / box_bytes(p); }

int64_t steps(const ConvProblem& p) { return (p.kernel_h * p.kernel_w * boxes(p) * box_bytes(p) + 127) / 128; }

}  // namespace

ConvTmaParams conv_tma_params(const ConvProblem& p, const ConvArgs& a, const TmaSpec& spec) {
  const ConvShape shape(p);
  const int64_t columns = padded(p, spec.columns);
  ConvTmaParams to{output_params(p, a, 1)};
  to.start = reinterpret_cast<const int32_t*>(static_cast<const uint8_t*>(a.weights) + shape.start_offset());
  to.starts = p.in_zero_point != 0;
  to.windows = !p.pointwise();
  to.steps = narrow(steps(p));
  to.box_bytes = box_bytes(p), to.tap_boxes = narrow(boxes(p));
  to.kernel_h = narrow(p.kernel_h), to.kernel_w = narrow(p.kernel_w);
  to.dilation_h = narrow(p.dilation_h), to.dilation_w = narrow(p.dilation_w);
  to.stride_h = narrow(p.stride_h), to.stride_w = narrow(p.stride_w);
  to.pad_top = narrow(p.pad_top), to.pad_left = narrow(p.pad_left);
  to.out_image = Divisor(p.out_h() * p.out_w()), to.out_row = Divisor(p.out_w());
  to.column_tiles = Divisor(columns / spec.columns);
  to.tiles = static_cast<uint32_t>((p.pixels() + spec.rows - 1) / spec.rows * (columns / spec.columns));
  const int64_t blocks = int64_t{multiprocessors()} * spec.blocks,
                tiles = spec.split > 1 ? 1 : (to.tiles + blocks - 1) / blocks;
  to.one_tile = tiles == 1;
  to.all_columns = to.one_tile ? spec.columns : narrow(columns);
  const int64_t needed = tiles * ((to.steps + spec.split - 1) / spec.split + (p.epilogue.has_skip ? 1 : 0));
  to.stages = needed < spec.stages ? narrow(needed) : spec.stages;
  to.stages_at = (kTmaBarrierBytes + 12 * to.all_columns + 1023) / 1024 * 1024;
  return to;
}

cudaError_t conv_tma_maps(const ConvProblem& p, const ConvArgs& a, const TmaSpec& spec, ConvTmaMaps& maps) {
  const ConvShape shape(p);
  const auto* weights = static_cast<const uint8_t*>(a.weights) + shape.weights_offset();
  const int64_t pitch = pitch_of(p.out_channels);
  cudaError_t status = make_map(
      {.data = weights, .row_bytes = shape.row_bytes, .rows = shape.rows, .box_bytes = 128, .box_rows = spec.columns},
      maps.weights);
  if (status != cudaSuccess) return status;
  status = p.pointwise() ? make_map({.data = a.x,
                                     .row_bytes = pitch_of(p.in_channels),
                                     .rows = p.pixels(),
                                     .box_bytes = 128,
                                     .box_rows = spec.rows},
                                    maps.pixels)
                         : make_window_map(p, a.x, box_bytes(p), spec.rows, maps.pixels);
  if (status != cudaSuccess || !p.epilogue.has_skip) return status;
  return make_map({.data = a.skip,
                   .row_bytes = pitch,
                   .rows = p.pixels(),
                   .box_bytes = spec.columns < 128 ? 64 : 128,
                   .box_rows = spec.rows},
                  maps.skip);
}

const char* conv_tma_supports(const ConvProblem& p, int split) {
  const OutputParams out = output_params(p, {}, 1);
  if (!out.plain()) return "its epilogue has no curved activation, no floats";
  if (p.groups != 1) return "one group only";
  if (p.out_channels > kMostColumns) return "up to 2,048 channels out";
  if (split > 1 && steps(p) < 2 * split) return "two steps of depth a block, or more";
  if (!p.pointwise()) {
    const bool pads = p.pad_top != 0 || p.pad_left != 0 || p.pad_bottom != 0 || p.pad_right != 0;
    if (pads && p.in_zero_point != 0) return "what lies outside the image is 0 to the copy engine";
    if (p.kernel_h * p.kernel_w > 1 && pitch_of(p.in_channels) % 64 != 0) return "taps of whole 64-byte boxes";
    if (const char* why = window_map_supports(p)) return why;
  }
  return mma_supports(p);
}

}  // namespace qat::cuda
