// Tiles, blocks and weights of the Winograd kernels: see winograd.h.
#include "engine/cpu/conv/winograd.h"

#include <algorithm>
#include <cstring>

#include "engine/cpu/conv/shares.h"

namespace qat::kernels {
namespace {

constexpr int64_t kBlockBytes = 1280 * 1024;  // of transformed inputs, at most: more than some second-level caches
                                              // hold, but weights are read once for each block, and are more
constexpr int64_t kMostTiles = 98;            // of a block: its sums for a panel stay near
constexpr int64_t kFinest = 4;                // blocks a member, at most, to share them evenly
constexpr int64_t kLine = 64;
constexpr int64_t kSlack = 64;  // read past a pixel's channels

int64_t whole_lines(int64_t bytes) { return ceil_div(bytes, kLine) * kLine; }
// The least odd number of cache lines: 36 points side by side fall into different sets.
int64_t odd_lines(int64_t bytes) { return (ceil_div(bytes, kLine) | 1) * kLine; }

// What the slowest member has to do, in quarters of a tile times a panel: the weights of a panel cost as much as two
// tiles of it (three where 512-bit tiles do not make them on the side), the inputs of a block as much as a quarter of a
// panel.
int64_t slowest(int members, int64_t panels, int64_t tiles, int64_t blocks) {
  const int64_t run = ceil_div(tiles, blocks);
  const LargestShare share(members, ceil_div(tiles, run), panels);
  return 4 * share.units * (run + 2) + share.met * run;
}

// A step of the tiles is two channels of 16 bits.
int64_t steps_of(const ConvProblem& p) { return ceil_div(p.in_channels, 2); }

}  // namespace

WinogradBlocks::WinogradBlocks(const WordTile& set, const ConvProblem& p)
    : rows(p.out_h()),
      columns(p.out_w()),
      right(columns.rest != 0 ? p.batch * rows.full : 0),
      whole(right + p.batch * rows.full * columns.full),
      bottom(whole + (rows.rest != 0 ? p.batch * columns.full : 0)),
      tiles(p.batch * rows.count() * columns.count()),
      vector_bytes(set.vector_columns * 4),
      channel_blocks(ceil_div(2 * p.in_channels, vector_bytes)) {
  const int64_t tile_bytes = kWinogradPoints * channel_blocks * vector_bytes;
  const int64_t most = std::clamp<int64_t>(kBlockBytes / tile_bytes, set.max_rows, kMostTiles);
  const int64_t blocks = p.blocks > 0 ? p.blocks : ceil_div(tiles, most);
  run = ceil_div(tiles, blocks);
  count = ceil_div(tiles, run);
  input_block = run * vector_bytes;
  input_point = odd_lines(channel_blocks * input_block);
  weights_point = odd_lines(steps_of(p) * set.columns() * 4);
  sums_point = odd_lines(run * set.columns() * 4);
  patch_bytes = whole_lines(kWinogradPoints * pitch_of(p.in_channels) + kSlack);
}

int64_t winograd_shared_blocks(const WordTile& set, const ConvProblem& p) {
  const WinogradBlocks least(set, p);
  const int64_t panels = ceil_div(p.out_channels, set.columns());
  int64_t best = least.count, cost = slowest(p.members, panels, least.tiles, best);
  for (int64_t n = best + 1; n <= std::min(least.tiles, kFinest * p.members); ++n) {
    const int64_t now = slowest(p.members, panels, least.tiles, n);
    if (now < cost) best = n, cost = now;
  }
  return best;
}

WinogradBlocks::Tile WinogradBlocks::at(int64_t index) const {
  int64_t image = 0, row = rows.full, column = columns.full;
  if (index < right) {
    image = index / rows.full, row = index % rows.full;
  } else if (index < whole) {
    index -= right, column = index % columns.full, index /= columns.full;
    image = index / rows.full, row = index % rows.full;
  } else if (index < bottom) {
    index -= whole, image = index / columns.full, column = index % columns.full;
  } else {
    image = index - bottom;
  }
  return {image, row * kWinogradOut, column * kWinogradOut, rows.outputs(row), columns.outputs(column)};
}

namespace {

// Has a transform of so many outputs this point?
bool has_point(int outputs, int point) {
  return outputs == 0 || outputs == kWinogradOut || point == 5 || point < outputs + 1;
}

}  // namespace

WinogradBlocks::Range WinogradBlocks::with_point(int point) const {
  const bool at_bottom = has_point(rows.rest, point / 6), at_right = has_point(columns.rest, point % 6);
  return {at_right ? 0 : right, at_bottom && at_right ? tiles : at_bottom ? bottom : whole};
}

WinogradPanels::WinogradPanels(const WordTile& tile, const ConvProblem& p)
    : columns(tile.columns()),
      vector_columns(tile.vector_columns),
      channels(p.out_channels),
      steps(steps_of(p)),
      count(ceil_div(channels, columns)),
      panel_bytes(whole_lines(steps * tile.max_vectors * vector_bytes())) {}

int WinogradPanels::vectors(int64_t panel) const {
  return static_cast<int>(ceil_div(panel_channels(panel), vector_columns));
}

int64_t WinogradPanels::bytes() const {
  return offset(count - 1) + whole_lines(steps * vectors(count - 1) * vector_bytes());
}

const char* winograd_supports(const ConvProblem& p) {
  if (p.kernel_h != 3 || p.kernel_w != 3 || p.stride_h != 1 || p.stride_w != 1 || p.dilation_h != 1 ||
      p.dilation_w != 1)
    return "it is not 3x3 with a stride of 1";
  if (p.groups != 1) return "it has groups";
  if (p.sum_bits > kWinogradSumBits) return "its weights may need sums of more than 26 bits";
  return nullptr;
}

// From [K][C][3][3].
void winograd_pack(const WordTile& tile, const ConvProblem& p, const int8_t* weights, void* packed) {
  const WinogradPanels panels(tile, p);
  std::memset(packed, 0, static_cast<size_t>(panels.bytes()));
  for (int64_t k = 0; k < p.out_channels; ++k) {
    const int64_t panel = k / panels.columns, column = k % panels.columns;
    const int64_t step_bytes = panels.vectors(panel) * panels.vector_bytes();
    auto* to = static_cast<int8_t*>(packed) + panels.offset(panel) +
               column / panels.vector_columns * panels.vector_bytes() + column % panels.vector_columns * 2;
    for (int64_t c = 0; c < p.in_channels; ++c)
      for (int64_t tap = 0; tap < 9; ++tap)
        to[c / 2 * step_bytes + tap * 2 * panels.vector_columns + c % 2] = *weights++;
  }
}

WinogradWindow winograd_window(const ConvProblem& p, const WinogradBlocks::Tile& tile, const uint8_t* x,
                               uint8_t* patch) {
  const int64_t pitch = pitch_of(p.in_channels), top = tile.top - p.pad_top, left = tile.left - p.pad_left;
  const int64_t high = tile.high + 2, wide = tile.wide + 2;
  const uint8_t* first = x + ((tile.image * p.in_h + top) * p.in_w + left) * pitch;
  if (top >= 0 && left >= 0 && top + high <= p.in_h && left + wide <= p.in_w) return {first, p.in_w * pitch};
  const int64_t row_bytes = wide * pitch;
  std::memset(patch, p.in_zero_point, static_cast<size_t>(high * row_bytes));
  const int64_t begin = std::max<int64_t>(0, -left), end = std::min(wide, p.in_w - left);
  for (int64_t i = std::max<int64_t>(0, -top); i < std::min(high, p.in_h - top) && begin < end; ++i)
    std::memcpy(patch + i * row_bytes + begin * pitch, first + (i * p.in_w + begin) * pitch,
                static_cast<size_t>((end - begin) * pitch));
  return {patch, row_bytes};
}

}  // namespace qat::kernels
