// Laying a block's rows before the tiles: see windows.h.
#include <algorithm>
#include <cstring>

#include "engine/cpu/conv/windows.h"

namespace qat::kernels {
namespace {

void copy_row(const ConvProblem& p, int64_t tap, const Gather& gather, const uint8_t* from, uint8_t* to) {
  const int64_t pitch = pitch_of(p.in_channels);
  if (tap == pitch) {
    std::memcpy(to, from, static_cast<size_t>(p.in_w * tap));
  } else if (p.groups == 1) {
    gather.dense({.from = from, .pixels = p.in_w, .pitch = pitch, .channels = tap, .to = to});
  } else {  // pad bytes of the group's last dword are copied from its neighbour: their weights are 0
    for (int64_t w = 0; w < p.in_w; ++w) std::memcpy(to + w * tap, from + w * pitch, static_cast<size_t>(tap));
  }
}

// Input rows [top, top + rows) of one image and group, each with `left` and `right` pads, in pixels of `tap` bytes;
// returns the end.
uint8_t* copy_band(const ConvProblem& p, int64_t tap, const Gather& gather, const uint8_t* image, int64_t top,
                   int64_t rows, int64_t left, int64_t right, uint8_t* to) {
  const int64_t pitch = pitch_of(p.in_channels);
  const auto inside = static_cast<size_t>(p.in_w * tap);
  const auto fill = [&](size_t bytes) {
    std::memset(to, p.in_zero_point, bytes);
    to += bytes;
  };
  for (int64_t h = top; h < top + rows; ++h) {
    fill(static_cast<size_t>(left * tap));
    if (h < 0 || h >= p.in_h) {
      std::memset(to, p.in_zero_point, inside);
    } else {
      copy_row(p, tap, gather, image + h * p.in_w * pitch, to);
    }
    to += inside;
    fill(static_cast<size_t>(right * tap));
  }
  return to;
}

// The bands of a block's images, whose lines share their pads.
void copy_joined(const ConvProblem& p, const Blocks& blocks, const Blocks::Block& block, const Gather& gather,
                 const uint8_t* image, int64_t top, uint8_t* to) {
  const int64_t lines = (block.run + blocks.gap) / (blocks.line + blocks.gap);
  const int64_t rows = lines + (p.kernel_h - 1) * p.dilation_h, right = std::max<int64_t>(0, p.pad_right - p.pad_left);
  for (int64_t i = 0; i < block.runs;
       ++i, image += p.in_h * p.in_w * pitch_of(p.in_channels), to += blocks.run_stride) {
    uint8_t* end = copy_band(p, blocks.tap_bytes, gather, image, top, rows, p.pad_left, right, to);
    std::memset(end, p.in_zero_point, static_cast<size_t>(p.pad_right * blocks.tap_bytes));
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
  if (blocks.windows == Windows::kJoined) {
    copy_joined(p, blocks, block, gather, image, top, rows);
  } else if (blocks.windows == Windows::kColumns) {
    lay_columns(p, gather, image, top, block.runs, scratch, rows);
  } else {
    copy_band(p, blocks.tap_bytes, gather, image, top,
              (block.runs - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1, p.pad_left, p.pad_right, rows);
  }
  return rows;
}

}  // namespace qat::kernels
