// Choosing, cutting and laying out windows: see windows.h.
#include "engine/cpu/conv/windows.h"

#include <algorithm>
#include <cstring>

namespace qat::kernels {
namespace {

// An eighth of a 2 MiB second-level cache for a block's rows; the panel, the results and the next rows share the rest.
constexpr int64_t kBlockBytes = 256 * 1024;
constexpr int64_t kMaxPixels = 256;      // of a block whose rows are copied or read one by one
constexpr int64_t kMaxLinePixels = 448;  // of a block of output rows: less is copied twice in higher ones

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Are the taps of a tap row neighbours in memory, once the group's channels are alone there?
bool taps_touch(const ConvProblem& p) { return p.dilation_w == 1 || p.kernel_w == 1; }

bool group_is_whole_pixel(const ConvProblem& p) { return p.groups == 1; }

int64_t round_up(int64_t bytes, int64_t multiple) { return ceil_div(bytes, multiple) * multiple; }

// Do channels side by side make a tap row's steps fewer?
bool dense(const TileSet& tiles, const ConvProblem& p) {
  const int64_t multiple = tiles.depth_multiple;
  return p.groups == 1 && taps_touch(p) &&
         round_up(p.kernel_w * p.in_channels, multiple) < round_up(p.kernel_w * pitch_of(p.in_channels), multiple);
}

int64_t tap_bytes_of(const TileSet& tiles, const ConvProblem& p) {
  return dense(tiles, p) ? p.in_channels : pitch_of(p.in_channels / p.groups);
}

bool no_pads(const ConvProblem& p) {
  return p.pad_top == 0 && p.pad_left == 0 && p.pad_bottom == 0 && p.pad_right == 0;
}

// Tiles of nearly equal height along a row of outputs: are they at least 7/10 of the highest?
bool wide_enough(const TileSet& tiles, int64_t out_w) {
  return 10 * out_w >= 7 * tiles.max_rows * ceil_div(out_w, tiles.max_rows);
}

Windows choose_windows(const TileSet& tiles, const ConvProblem& p) {
  const bool aligned = group_is_whole_pixel(p) || p.in_channels / p.groups % kChannelGroup == 0;
  if (p.pointwise() && aligned) return Windows::kPixels;
  if (dense(tiles, p)) return Windows::kBand;
  // Where weights are rounded up by segment, the choice may not depend on a bound extent.
  const bool rounded = p.kernel_w * tap_bytes_of(tiles, p) % tiles.depth_multiple != 0;
  if (!taps_touch(p) || (!rounded && !wide_enough(tiles, p.out_w()))) return Windows::kGathered;
  const bool in_image = group_is_whole_pixel(p) || (p.kernel_w == 1 && aligned);
  return no_pads(p) && in_image ? Windows::kImage : Windows::kBand;
}

int64_t band_width(const ConvProblem& p) { return p.in_w + p.pad_left + p.pad_right; }

}  // namespace

Depth::Depth(const TileSet& tiles, const ConvProblem& p) : tap_bytes(tap_bytes_of(tiles, p)) {
  segments = taps_touch(p) ? p.kernel_h : 1;
  segment_bytes = round_up(p.kernel_h * p.kernel_w / segments * tap_bytes, tiles.depth_multiple);
}

Blocks::Blocks(const TileSet& tiles, const ConvProblem& p)
    : windows(choose_windows(tiles, p)), tap_bytes(tap_bytes_of(tiles, p)) {
  const bool by_lines = windows == Windows::kImage || windows == Windows::kBand;
  segments = by_lines ? p.kernel_h : 1;
  segment_bytes = round_up(p.kernel_h * p.kernel_w / segments * tap_bytes, kChannelGroup);
  if (by_lines) {
    cut_lines(p);
  } else {
    cut_pixels(tiles, p);
  }
}

void Blocks::cut_pixels(const TileSet& tiles, const ConvProblem& p) {
  segment_step = segment_bytes;
  row_stride = windows == Windows::kPixels ? pitch_of(p.in_channels) : segment_bytes;
  run_stride = 0;
  const int64_t most = std::max<int64_t>(1, std::min(kMaxPixels, kBlockBytes / segment_bytes) / tiles.max_rows);
  const int64_t needed = ceil_div(p.pixels(), tiles.max_rows), blocks = ceil_div(needed, most);
  run = ceil_div(needed, blocks) * tiles.max_rows;
  runs = 1;
  count = ceil_div(p.pixels(), run);
  blocks_per_image = 0;
}

void Blocks::cut_lines(const ConvProblem& p) {
  const int64_t pixel = windows == Windows::kBand ? tap_bytes : pitch_of(p.in_channels);
  const int64_t input_row = pixel * (windows == Windows::kBand ? band_width(p) : p.in_w);
  segment_step = p.dilation_h * input_row;
  row_stride = p.stride_w * pixel;
  run_stride = p.stride_h * input_row;
  run = p.out_w();
  const int64_t above = (p.kernel_h - 1) * p.dilation_h + 1 - p.stride_h;  // input rows that lines share
  const int64_t fit = (kBlockBytes / input_row - above) / p.stride_h;
  const int64_t most = std::max<int64_t>(1, std::min(fit, kMaxLinePixels / run));
  blocks_per_image = ceil_div(p.out_h(), most);
  runs = ceil_div(p.out_h(), blocks_per_image);
  blocks_per_image = ceil_div(p.out_h(), runs);
  count = p.batch * blocks_per_image;
}

Blocks::Block Blocks::at(const ConvProblem& p, int64_t index) const {
  if (blocks_per_image == 0) return {.first = index * run, .run = std::min(run, p.pixels() - index * run), .runs = 1};
  const int64_t image = index / blocks_per_image, line = index % blocks_per_image * runs;
  return {.first = (image * p.out_h() + line) * run, .run = run, .runs = std::min(runs, p.out_h() - line)};
}

size_t Blocks::scratch_bytes() const {
  if (windows == Windows::kGathered) return static_cast<size_t>(run * row_stride + kGatherSlack);
  if (windows != Windows::kBand) return 0;
  return static_cast<size_t>((runs - 1) * run_stride + segments * segment_step + kGatherSlack);
}

namespace {

// `pixels` of `pitch` bytes each, their first `tap` bytes side by side; writes a few bytes more.
void copy_dense(const uint8_t* from, int64_t pixels, int64_t pitch, int64_t tap, uint8_t* to) {
  int64_t i = 0;
  if (tap == 3) {  // two at a time
    for (; i + 2 <= pixels; i += 2, from += 8, to += 6) {
      uint64_t two;
      std::memcpy(&two, from, 8);
      two = (two & 0xFFFFFF) | (two >> 8 & 0xFFFFFF000000);
      std::memcpy(to, &two, 8);
    }
  }
  for (; i < pixels; ++i, from += pitch, to += tap)
    for (int64_t c = 0; c < tap; c += kChannelGroup) std::memcpy(to + c, from + c, kChannelGroup);
}

// Input rows [top, top + rows) of one image and group, each with its pads, in pixels of `tap` bytes.
void copy_band(const ConvProblem& p, int64_t tap, const uint8_t* image, int64_t top, int64_t rows, uint8_t* to) {
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
      copy_dense(from, p.in_w, pitch, tap, to);
    } else {  // pad bytes of the group's last dword are copied from its neighbour: their weights are 0
      for (int64_t w = 0; w < p.in_w; ++w) std::memcpy(to + w * tap, from + w * pitch, static_cast<size_t>(tap));
    }
    to += inside;
    std::memset(to, p.in_zero_point, right);
    to += right;
  }
}

}  // namespace

const uint8_t* lay_out(const Blocks& blocks, const ConvProblem& p, const Blocks::Block& block, const uint8_t* x,
                       int64_t group, GatherFunction gather, uint8_t* scratch) {
  const int64_t channels = p.in_channels / p.groups, pitch = pitch_of(p.in_channels);
  if (blocks.windows == Windows::kPixels) return x + block.first * pitch + group * channels;
  if (blocks.windows == Windows::kGathered) {
    gather({.problem = p,
            .x = x,
            .group = group,
            .first = block.first,
            .count = block.run,
            .rows = scratch,
            .stride = blocks.row_stride});
    return scratch;
  }
  const int64_t out_h = p.out_h(), line = block.first / block.run, top = line % out_h * p.stride_h - p.pad_top;
  const uint8_t* image = x + line / out_h * p.in_h * p.in_w * pitch + group * channels;
  if (blocks.windows == Windows::kImage) return image + top * p.in_w * pitch;
  copy_band(p, blocks.tap_bytes, image, top, (block.runs - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1,
            scratch);
  return scratch;
}

}  // namespace qat::kernels
