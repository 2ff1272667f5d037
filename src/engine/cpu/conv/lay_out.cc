// Laying a block's rows before the tiles: see windows.h.
#include <cstring>

#include "engine/cpu/conv/windows.h"

namespace qat::kernels {
namespace {

// Input rows [top, top + rows) of one image and group, each with its pads, in pixels of `tap` bytes.
void copy_band(const ConvProblem& p, int64_t tap, const Gather& gather, const uint8_t* image, int64_t top, int64_t rows,
               uint8_t* to) {
  const int64_t pitch = pitch_of(p.in_channels);
  const auto left = static_cast<size_t>(p.pad_left * tap), right = static_cast<size_t>(p.pad_right * tap);
  const auto inside = static_cast<size_t>(p.in_w * tap);
  for (int64_t h = top; h < top + rows; ++h) {
    if (h < 0 || h >= p.in_h) {
      std::memset(to, p.in_zero_point, left + inside + right);
      to += left + inside + right;
      continue;
    }
    std::memset(to, p.in_zero_point, left);
    to += left;
    const uint8_t* from = image + h * p.in_w * pitch;
    if (tap == pitch) {
      std::memcpy(to, from, inside);
    } else if (p.groups == 1) {
      gather.dense({.from = from, .pixels = p.in_w, .pitch = pitch, .channels = tap, .to = to});
    } else {  // pad bytes of the group's last dword are copied from its neighbour: their weights are 0
      for (int64_t w = 0; w < p.in_w; ++w) std::memcpy(to + w * tap, from + w * pitch, static_cast<size_t>(tap));
    }
    to += inside;
    std::memset(to, p.in_zero_point, right);
    to += right;
  }
}

// Of `lines` lines of outputs from the one whose windows begin at input row `top` of an image; `pads` is as wide as an
// input row.
void lay_columns(const ConvProblem& p, const Gather& gather, const uint8_t* image, int64_t top, int64_t lines,
                 uint8_t* pads, uint8_t* to) {
  const int64_t pitch = pitch_of(p.in_channels), bytes = p.kernel_h * p.in_channels;  // of a column
  std::memset(pads, p.in_zero_point, static_cast<size_t>(p.in_w * pitch));
  for (int64_t line = 0; line < lines; ++line, top += p.stride_h) {
    std::memset(to, p.in_zero_point, static_cast<size_t>(p.pad_left * bytes));
    to += p.pad_left * bytes;
    ColumnTask task{.tap_rows = p.kernel_h, .pixels = p.in_w, .pitch = pitch, .channels = p.in_channels, .to = to};
    for (int64_t r = 0; r < p.kernel_h; ++r) {
      const int64_t h = top + r * p.dilation_h;
      task.rows[r] = h < 0 || h >= p.in_h ? pads : image + h * p.in_w * pitch;
    }
    gather.columns(task);
    to += p.in_w * bytes;
    std::memset(to, p.in_zero_point, static_cast<size_t>(p.pad_right * bytes));
    to += p.pad_right * bytes;
  }
}

}  // namespace

const uint8_t* lay_out(const Blocks& blocks, const ConvProblem& p, const Blocks::Block& block, const uint8_t* x,
                       int64_t group, const Gather& gather, uint8_t* scratch) {
  const int64_t channels = p.in_channels / p.groups, pitch = pitch_of(p.in_channels);
  if (blocks.windows == Windows::kPixels) return x + block.first * pitch + group * channels;
  if (blocks.windows == Windows::kGathered) {
    gather.rows({.problem = p,
                 .x = x,
                 .group = group,
                 .first = block.first,
                 .count = block.run,
                 .rows = scratch,
                 .stride = blocks.row_stride});
    return scratch;
  }
  const int64_t out_h = p.out_h(), line = block.first / p.out_w(), top = line % out_h * p.stride_h - p.pad_top;
  const uint8_t* image = x + line / out_h * p.in_h * p.in_w * pitch + group * channels;
  if (blocks.windows == Windows::kImage) return image + top * p.in_w * pitch;
  uint8_t* rows = scratch + blocks.offset();
  if (blocks.windows == Windows::kColumns) {
    lay_columns(p, gather, image, top, block.runs, scratch, rows);
  } else {
    copy_band(p, blocks.tap_bytes, gather, image, top,
              (block.runs - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1, rows);
  }
  return rows;
}

}  // namespace qat::kernels
