// Convolution as blocks of rows times panels of weights, for every set of tiles.
//
// A unit is one block of output pixels times one panel; units of a block follow each other, so its rows are gathered
// once. Inside a unit the panel is the outer operand: it stays in cache while the rows of the block stream past it.
#include <algorithm>
#include <cstring>
#include <vector>

#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/gather.h"
#include "engine/cpu/tile/panels.h"

namespace qat::kernels {
namespace {

// A quarter of a 1 MiB second-level cache for a block's rows; the panel, the results and the next rows share the rest.
constexpr int64_t kBlockBytes = 256 * 1024;
constexpr int64_t kMaxBlockRows = 256;

struct Blocks {
  int64_t depth;       // bytes of a row
  int64_t row_stride;  // of gathered rows
  int64_t rows;        // of a block, a multiple of the tile's
  int64_t count;
  int64_t panels;  // of all groups
};

Blocks blocks_of(const TileSet& tiles, const ConvProblem& p) {
  Blocks b;
  b.depth = row_depth(p);
  b.row_stride = b.depth;
  const int64_t tile = tiles.max_rows,
                most = std::max<int64_t>(1, std::min(kMaxBlockRows, kBlockBytes / b.depth) / tile);
  const int64_t tiles_needed = (p.pixels() + tile - 1) / tile, blocks = (tiles_needed + most - 1) / most;
  b.rows = (tiles_needed + blocks - 1) / blocks * tile;
  b.count = (p.pixels() + b.rows - 1) / b.rows;
  const int64_t channels = p.out_channels / p.groups;
  b.panels = p.groups * ((channels + tiles.columns() - 1) / tiles.columns());
  return b;
}

// Groups narrower than a vector are merged, with zeros between them, until they fill one: the same number of steps, and
// a fraction of the gathering and of the epilogues.
int64_t merged_groups(const TileSet& tiles, const ConvProblem& p) {
  int64_t merge = std::max<int64_t>(1, std::min(p.groups, tiles.vector_columns / (p.out_channels / p.groups)));
  while (p.groups % merge != 0) --merge;
  return merge;
}

ConvProblem merged(const TileSet& tiles, ConvProblem p) {
  p.groups /= merged_groups(tiles, p);
  return p;
}

template <const TileSet& Tiles>
PanelLayout layout_of(const ConvProblem& p) {
  return {Tiles, p.groups, p.out_channels / p.groups, row_depth(p)};
}

template <const TileSet& Tiles>
size_t packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(layout_of<Tiles>(merged(Tiles, p)).bytes());
}

// [K][C/G][R][S] to [K][R][S][channels of the merged group, rounded up], then panels.
template <const TileSet& Tiles>
void pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  const ConvProblem m = merged(Tiles, p);
  const int64_t channels = p.in_channels / p.groups, taps = p.kernel_h * p.kernel_w, merge = p.groups / m.groups;
  const int64_t pitch = pitch_of(m.in_channels / m.groups);
  std::vector<int8_t> rows(static_cast<size_t>(p.out_channels * taps * pitch), 0);
  for (int64_t k = 0; k < p.out_channels; ++k) {
    const int64_t first = k / (p.out_channels / p.groups) % merge * channels;
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t t = 0; t < taps; ++t)
        rows[static_cast<size_t>((k * taps + t) * pitch + first + c)] = weights[(k * channels + c) * taps + t];
  }
  pack_panels(Tiles, layout_of<Tiles>(m), rows.data(), p.in_zero_point, packed);
}

template <const TileSet& Tiles>
int64_t units(const ConvProblem& p) {
  const Blocks b = blocks_of(Tiles, merged(Tiles, p));
  return b.count * b.panels;
}

template <const TileSet& Tiles>
size_t scratch_bytes(const ConvProblem& p) {
  const ConvProblem m = merged(Tiles, p);
  if (rows_in_place(m)) return 0;
  const Blocks b = blocks_of(Tiles, m);
  return static_cast<size_t>(b.rows * b.row_stride + kGatherSlack);
}

template <const TileSet& Tiles, GatherFunction Gather>
void run(const ConvProblem& problem, const ConvArgs& a, int64_t begin, int64_t end, void* scratch) {
  const ConvProblem p = merged(Tiles, problem);
  const Blocks b = blocks_of(Tiles, p);
  const PanelLayout layout = layout_of<Tiles>(p);
  const TileEpilogue epilogue(p.epilogue);
  const bool in_place = rows_in_place(p);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1, pixels = p.pixels();
  TileTask task{.row_stride = in_place ? pitch_of(p.in_channels) : b.row_stride,
                .steps = b.depth / 4,
                .epilogue = &epilogue,
                .skip_stride = p.epilogue.has_skip ? pitch_of(p.out_channels) : 0,
                .y_stride = output_pitch(p.epilogue, p.out_channels) * element};
  int64_t gathered_block = -1, gathered_group = -1;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t block = unit / b.panels, group = unit % b.panels / layout.panels, panel = unit % layout.panels;
    const int64_t first = block * b.rows, rows = std::min(b.rows, pixels - first);
    if (in_place) {
      task.rows = a.x + first * task.row_stride + group * (p.in_channels / p.groups);
    } else {
      auto* gathered = static_cast<uint8_t*>(scratch);
      if (block != gathered_block || group != gathered_group)
        Gather({.problem = p,
                .x = a.x,
                .group = group,
                .first = first,
                .count = rows,
                .rows = gathered,
                .stride = b.row_stride});
      gathered_block = block, gathered_group = group;
      task.rows = gathered;
    }
    const int64_t k = group * layout.channels + panel * layout.columns;
    task.panel = static_cast<const uint8_t*>(a.weights) + layout.offset(group, panel);
    task.multiplier = a.multiplier + k;
    task.bias = a.bias + k;
    task.channels = layout.panel_channels(panel);
    task.skip = p.epilogue.has_skip ? a.skip + first * task.skip_stride + k : nullptr;
    task.y = static_cast<uint8_t*>(a.y) + first * task.y_stride + k * element;
    task.next = static_cast<const uint8_t*>(task.panel);
    const bool more = panel + 1 < layout.panels;
    if (more) task.next += layout.panel_bytes;
    run_tiles(Tiles, layout.vectors(panel), task, rows, more ? layout.panel_bytes : 0);
    if (k + task.channels == p.out_channels)
      for (int64_t i = first; i < first + rows; ++i) store_pad(p.epilogue, a.y, i, p.out_channels);
  }
}

template <const TileSet& Tiles, GatherFunction Gather>
constexpr ConvKernel make_kernel(const char* name, Isa isa) {
  return {{name, isa, supports_all<ConvProblem>, units<Tiles>, scratch_bytes<Tiles>, run<Tiles, Gather>},
          packed_bytes<Tiles>,
          pack<Tiles>};
}

}  // namespace

constinit const ConvKernel kConv14x32Avx512Vnni =
    make_kernel<kTilesAvx512Vnni, gather_rows_avx512>("conv_s8_14x32_avx512vnni", Isa::kAvx512Vnni);
constinit const ConvKernel kConv10x32Avx512 =
    make_kernel<kTilesAvx512, gather_rows_avx512>("conv_s8_10x32_avx512", Isa::kAvx512);
constinit const ConvKernel kConv6x16AvxVnni =
    make_kernel<kTilesAvxVnni, gather_rows_avx2>("conv_s8_6x16_avxvnni", Isa::kAvxVnni);
constinit const ConvKernel kConv4x16Avx2 = make_kernel<kTilesAvx2, gather_rows_avx2>("conv_s8_4x16_avx2", Isa::kAvx2);
constinit const ConvKernel kConv4x8Portable =
    make_kernel<kTilesPortable, gather_rows>("conv_s8_4x8_portable", Isa::kPortable);

}  // namespace qat::kernels
