// Choosing windows and cutting blocks: see windows.h.
#include "engine/cpu/conv/windows.h"

#include <algorithm>

#include "engine/cpu/conv/shares.h"

namespace qat::kernels {
namespace {

constexpr int64_t kMaxPixels = 1024;     // of a block whose rows are copied or read one by one
constexpr int64_t kMaxLinePixels = 896;  // of a block of output rows: less is copied twice in higher ones

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

// Would all taps as one segment take two thirds of the steps, or less? Looks at no bound extent, as dense().
bool by_columns(const TileSet& tiles, const ConvProblem& p) {
  const int64_t multiple = tiles.depth_multiple, row = p.kernel_w * p.in_channels;
  return multiple > kChannelGroup && p.groups == 1 && taps_touch(p) && p.kernel_h > 1 && p.kernel_h <= kMaxTapRows &&
         3 * round_up(p.kernel_h * row, multiple) <= 2 * p.kernel_h * round_up(row, multiple);
}

int64_t tap_bytes_of(const TileSet& tiles, const ConvProblem& p) {
  return dense(tiles, p) || by_columns(tiles, p) ? p.in_channels : pitch_of(p.in_channels / p.groups);
}

bool no_pads(const ConvProblem& p) {
  return p.pad_top == 0 && p.pad_left == 0 && p.pad_bottom == 0 && p.pad_right == 0;
}

// Tiles of nearly equal height along a row of outputs: are they at least 7/10 of the highest?
bool wide_enough(const TileSet& tiles, int64_t out_w) {
  return 10 * out_w >= 7 * tiles.max_rows * ceil_div(out_w, tiles.max_rows);
}

// Pixels from one line of a joined band to the next, and how many of them have no result.
int64_t joined_pitch(const ConvProblem& p) { return p.in_w + std::max(p.pad_left, p.pad_right); }
int64_t joined_gap(const ConvProblem& p) { return joined_pitch(p) - p.out_w(); }

// Can a band be joined, and do at least 7/10 of its tiles' rows have results?
bool joins(const TileSet& tiles, const ConvProblem& p) {
  if (tiles.run == nullptr || !taps_touch(p) || p.stride_h != 1 || p.stride_w != 1 || joined_gap(p) < 0) return false;
  const int64_t rows = p.out_h() * joined_pitch(p) - joined_gap(p);  // of an image
  return 10 * p.out_h() * p.out_w() >= 7 * tiles.max_rows * ceil_div(rows, tiles.max_rows);
}

Windows choose_windows(const TileSet& tiles, const ConvProblem& p) {
  const bool aligned = group_is_whole_pixel(p) || p.in_channels / p.groups % kChannelGroup == 0;
  if (p.pointwise() && aligned) return Windows::kPixels;
  if (by_columns(tiles, p)) return Windows::kColumns;
  if (dense(tiles, p)) return Windows::kBand;
  const bool wide = wide_enough(tiles, p.out_w());
  const bool in_image = no_pads(p) && taps_touch(p) && (group_is_whole_pixel(p) || (p.kernel_w == 1 && aligned));
  if (joins(tiles, p) && !(in_image && wide)) return Windows::kJoined;
  // Where weights are rounded up by segment, the choice may not depend on a bound extent.
  const bool rounded = p.kernel_w * tap_bytes_of(tiles, p) % tiles.depth_multiple != 0;
  if (!taps_touch(p) || (!rounded && !wide)) return Windows::kGathered;
  return in_image ? Windows::kImage : Windows::kBand;
}

int64_t band_width(const ConvProblem& p) { return p.in_w + p.pad_left + p.pad_right; }

// What the slowest member has to do, in rows times panels, with blocks of `rows` rows: to start a panel costs as much
// as a tile's 16 rows; `entry`: what it costs to get a block's rows, once, by copying or from other members' caches.
int64_t slowest(const ConvProblem& p, int64_t blocks, int64_t rows, int64_t entry, int64_t panels) {
  const LargestShare share(p.members, blocks, panels);
  return share.units * (rows + kMaxTileRows) + share.met * entry;
}

int64_t panels_of(const TileSet& tiles, const ConvProblem& p) {
  return p.groups * ceil_div(p.out_channels / p.groups, tiles.columns());
}

// Smaller blocks than this part of a member's share bring nothing.
constexpr int64_t kFinest = 8;

}  // namespace

Depth::Depth(const TileSet& tiles, const ConvProblem& p)
    : by_columns(kernels::by_columns(tiles, p)), tap_bytes(tap_bytes_of(tiles, p)) {
  segments = taps_touch(p) && !by_columns ? p.kernel_h : 1;
  segment_bytes = round_up(p.kernel_h * p.kernel_w / segments * tap_bytes, tiles.depth_multiple);
}

Blocks::Blocks(const TileSet& tiles, const ConvProblem& p)
    : windows(choose_windows(tiles, p)), tap_bytes(tap_bytes_of(tiles, p)) {
  const bool in_place = windows == Windows::kImage || windows == Windows::kBand || windows == Windows::kJoined;
  segments = in_place ? p.kernel_h : 1;
  segment_bytes = round_up(p.kernel_h * p.kernel_w / segments * tap_bytes, kChannelGroup);
  if (windows == Windows::kJoined) {
    cut_joined(tiles, p);
  } else if (in_place || windows == Windows::kColumns) {
    cut_lines(tiles, p);
  } else {
    cut_pixels(tiles, p);
  }
}

void Blocks::cut_pixels(const TileSet& tiles, const ConvProblem& p) {
  segment_step = segment_bytes;
  row_stride = windows == Windows::kPixels ? pitch_of(p.in_channels) : segment_bytes;
  run_stride = 0;
  const int64_t pixels = std::min(kMaxPixels, tiles.block_bytes / segment_bytes);
  const int64_t most = std::max<int64_t>(1, pixels / tiles.max_rows);
  const int64_t needed = ceil_div(p.pixels(), tiles.max_rows);
  run = p.blocks > 0 ? ceil_div(p.pixels(), p.blocks) : ceil_div(needed, ceil_div(needed, most)) * tiles.max_rows;
  runs = 1;
  count = ceil_div(p.pixels(), run);
  blocks_per_image = 0;
}

void Blocks::cut_lines(const TileSet& tiles, const ConvProblem& p) {
  const int64_t pixel = windows == Windows::kImage ? pitch_of(p.in_channels) : tap_bytes;
  const int64_t input_row = pixel * (windows == Windows::kImage ? p.in_w : band_width(p));
  const bool columns = windows == Windows::kColumns;
  const int64_t width = p.out_w(), line = p.kernel_h * input_row;                        // bytes of a line's columns
  const int64_t above = columns ? 0 : (p.kernel_h - 1) * p.dilation_h + 1 - p.stride_h;  // rows that lines share
  const int64_t fit = columns ? tiles.block_bytes / line : (tiles.block_bytes / input_row - above) / p.stride_h;
  const int64_t most = std::max<int64_t>(1, std::min(fit, kMaxLinePixels / width));
  blocks_per_image = p.blocks > 0 ? p.blocks / p.batch : ceil_div(p.out_h(), most);
  lines = ceil_div(p.out_h(), blocks_per_image);
  blocks_per_image = ceil_div(p.out_h(), lines);
  count = p.batch * blocks_per_image;
  run = width;
  runs = lines;
  segment_step = p.dilation_h * input_row;
  row_stride = (columns ? p.kernel_h : 1) * p.stride_w * pixel;
  run_stride = columns ? line : p.stride_h * input_row;
  band_bytes_ = columns ? lines * line : ((lines - 1) * p.stride_h + (p.kernel_h - 1) * p.dilation_h + 1) * input_row;
  if (columns) pad_bytes_ = round_up(p.in_w * pitch_of(p.in_channels) + kGatherSlack, 64);
}

void Blocks::cut_joined(const TileSet& tiles, const ConvProblem& p) {
  const int64_t input_row = joined_pitch(p) * tap_bytes, above = (p.kernel_h - 1) * p.dilation_h;
  const int64_t tail = round_up(p.pad_right * tap_bytes, 64);  // behind the last line
  const int64_t most = std::clamp<int64_t>((tiles.block_bytes - tail) / input_row - above, 1,
                                           std::max<int64_t>(1, kMaxLinePixels / p.out_w()));
  blocks_per_image = p.blocks > 0 ? p.blocks / p.batch : ceil_div(p.out_h(), most);
  lines = ceil_div(p.out_h(), blocks_per_image);
  blocks_per_image = ceil_div(p.out_h(), lines);
  run_stride = (lines + above) * input_row + tail;
  if (p.blocks == 0 && blocks_per_image == 1) {
    const int64_t fit = std::clamp<int64_t>(tiles.block_bytes / run_stride, 1, p.batch);
    images = ceil_div(p.batch, ceil_div(p.batch, fit));
  }
  count = images > 1 ? ceil_div(p.batch, images) : p.batch * blocks_per_image;
  line = p.out_w();
  gap = joined_gap(p);
  run = lines * (line + gap) - gap;
  runs = images;
  segment_step = p.dilation_h * input_row;
  row_stride = tap_bytes;
  band_bytes_ = images * run_stride;
}

// Of all cuts into no fewer blocks than caches ask for, the one whose slowest member has least to do.
int64_t shared_blocks(const TileSet& tiles, const ConvProblem& p) {
  const Blocks least(tiles, p);
  const int64_t panels = panels_of(tiles, p), images = least.blocks_per_image == 0 ? 1 : p.batch;
  const int64_t lines = least.blocks_per_image == 0 ? p.pixels() : p.out_h(), width = p.pixels() / images / lines;
  const bool band = least.windows == Windows::kBand || least.windows == Windows::kJoined;
  const int64_t above = band ? (p.kernel_h - 1) * p.dilation_h + 1 - p.stride_h : 0;
  const int64_t first = ceil_div(least.count, images);
  const int64_t most = std::min(lines, std::max(first, ceil_div(kFinest * p.members, images)));
  int64_t best = first, cost = 0;
  for (int64_t n = first; n <= most; ++n) {
    const int64_t height = ceil_div(lines, n), rows = height * (width + least.gap) - least.gap;
    const int64_t entry = rows + rows * above / (height * p.stride_h);
    const int64_t now = slowest(p, images * ceil_div(lines, height), rows, entry, panels);
    if (n == first || now < cost) best = n, cost = now;
  }
  return best * images;
}

Blocks::Block Blocks::at(const ConvProblem& p, int64_t index) const {
  if (blocks_per_image == 0) {
    const int64_t first = index * run, pixels = std::min(run, p.pixels() - first);
    return {.first = first, .pixels = pixels, .run = pixels, .runs = 1};
  }
  const int64_t image = index / blocks_per_image * images, top = index % blocks_per_image * lines;
  const int64_t of_image = std::min(lines, p.out_h() - top), of_batch = std::min(images, p.batch - image);
  Block block{.first = (image * p.out_h() + top) * p.out_w(), .pixels = of_batch * of_image * p.out_w()};
  if (windows == Windows::kJoined) {
    block.run = of_image * (line + gap) - gap, block.runs = of_batch;
  } else {
    block.run = p.out_w(), block.runs = of_image;
  }
  return block;
}

size_t Blocks::offset() const { return static_cast<size_t>(pad_bytes_); }

size_t Blocks::scratch_bytes() const {
  if (windows == Windows::kGathered) return static_cast<size_t>(run * row_stride + kGatherSlack);
  if (windows == Windows::kPixels || windows == Windows::kImage) return 0;
  return offset() + static_cast<size_t>(band_bytes_ + kGatherSlack);
}

}  // namespace qat::kernels
