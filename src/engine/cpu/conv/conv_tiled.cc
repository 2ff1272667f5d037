// Convolution as blocks of rows times panels of weights, for every set of tiles.
//
// A unit is one block of output pixels times one panel; units of a block follow each other, so its rows are gathered
// once. Inside a unit the panel is the outer operand: it stays in cache while the rows of the block stream past it.
#include <algorithm>
#include <vector>

#include "engine/cpu/conv/conv_kernels.h"
#include "engine/cpu/conv/windows.h"
#include "engine/cpu/tile/panels.h"

namespace qat::kernels {
namespace {

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
  return {Tiles, p.groups, p.out_channels / p.groups, Depth(Tiles, p).bytes()};
}

template <const TileSet& Tiles>
size_t packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(layout_of<Tiles>(merged(Tiles, p)).bytes());
}

// [K][C/G][R][S] to [K][segments of R][S][channels of the merged group, rounded up or side by side], then panels.
template <const TileSet& Tiles>
void pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  const ConvProblem m = merged(Tiles, p);
  const int64_t channels = p.in_channels / p.groups, taps = p.kernel_h * p.kernel_w, merge = p.groups / m.groups;
  const Depth depth(Tiles, m);
  const int64_t segment_taps = taps / depth.segments;
  std::vector<int8_t> rows(static_cast<size_t>(p.out_channels * depth.bytes()), 0);
  for (int64_t k = 0; k < p.out_channels; ++k) {
    const int64_t first = k / (p.out_channels / p.groups) % merge * channels;
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t order = depth.by_columns ? t % p.kernel_w * p.kernel_h + t / p.kernel_w : t;
      const int64_t segment = order / segment_taps * depth.segment_bytes, tap = order % segment_taps * depth.tap_bytes;
      for (int64_t c = 0; c < channels; ++c)
        rows[static_cast<size_t>(k * depth.bytes() + segment + tap + first + c)] =
            weights[(k * channels + c) * taps + t];
    }
  }
  pack_panels(Tiles, layout_of<Tiles>(m), rows.data(), p.in_zero_point, packed);
}

template <const TileSet& Tiles>
int64_t units(const ConvProblem& p) {
  const ConvProblem m = merged(Tiles, p);
  return Blocks(Tiles, m).count * m.groups * layout_of<Tiles>(m).panels;
}

template <const TileSet& Tiles>
size_t scratch_bytes(const ConvProblem& p) {
  return Blocks(Tiles, merged(Tiles, p)).scratch_bytes();
}

// How many of the next `most` panels are of one group and as wide as this one.
int64_t range_of(const PanelLayout& layout, int64_t panel, int64_t most) {
  const int64_t count = std::min(most, layout.panels - panel);
  return count > 1 && layout.vectors(panel + count - 1) != layout.vectors(panel) ? count - 1 : count;
}

// Weights of an engine's steps follow each other, so tiles that are faster than the memory behind the second-level
// cache fetch what lies so far behind theirs: the next panels, then the next steps' (3 % of ResNet-50 at batch 1 with
// AMX; 1 MiB ahead is too early for that cache, and 10 % slower). Members of a team do not read the same panels of the
// next step: each fetches its next one.
constexpr int64_t kAheadBytes = 256 * 1024;

template <const TileSet& Tiles, const Gather& Gathering>
void run(const ConvProblem& problem, const ConvArgs& a, int64_t begin, int64_t end, void* scratch) {
  const ConvProblem p = merged(Tiles, problem);
  const Blocks blocks(Tiles, p);
  const PanelLayout layout = layout_of<Tiles>(p);
  const TileEpilogue epilogue(p.epilogue);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1, panels = p.groups * layout.panels;
  TileTask task{.row_stride = blocks.row_stride,
                .run_stride = blocks.run_stride,
                .line = blocks.line,
                .gap = blocks.gap,
                .steps = blocks.segment_bytes / 4,
                .segments = blocks.segments,
                .segment_step = blocks.segment_step,
                .epilogue = &epilogue,
                .skip_stride = p.epilogue.has_skip ? pitch_of(p.out_channels) : 0,
                .y_stride = output_pitch(p.epilogue, p.out_channels) * element,
                .panel_bytes = layout.panel_bytes,
                .y_step = layout.columns * element};
  const auto channel_of = [&](int64_t unit) {  // the first
    return unit % panels / layout.panels * layout.channels + unit % layout.panels * layout.columns;
  };
  for (int64_t unit = begin; unit < end; unit += task.panels) {
    const Blocks::Block block = blocks.at(p, unit / panels);
    const int64_t group = unit % panels / layout.panels, panel = unit % layout.panels;
    if (unit == begin || panel == 0)
      task.rows = lay_out(blocks, p, block, a.x, group, Gathering, static_cast<uint8_t*>(scratch));
    task.run = block.run;
    task.runs = block.runs;
    const int64_t k = channel_of(unit);
    task.panel = static_cast<const uint8_t*>(a.weights) + layout.offset(group, panel);
    task.multiplier = a.multiplier + k;
    task.bias = a.bias + k;
    task.panels = Tiles.run != nullptr ? range_of(layout, panel, end - unit) : 1;
    task.channels = (task.panels - 1) * layout.columns + layout.panel_channels(panel + task.panels - 1);
    task.skip = p.epilogue.has_skip ? a.skip + block.first * task.skip_stride + k : nullptr;
    task.y = static_cast<uint8_t*>(a.y) + block.first * task.y_stride + k * element;
    task.next = static_cast<const uint8_t*>(task.panel);
    int64_t next_bytes = 0;
    if (Tiles.run != nullptr && p.members <= 1) {
      task.next += kAheadBytes;
      next_bytes = task.panels * layout.panel_bytes;
    } else if (panel + task.panels < layout.panels) {
      task.next += task.panels * layout.panel_bytes;
      next_bytes = layout.panel_bytes;
    }
    if (const int64_t next = unit + task.panels; next < end) {
      const int64_t at = channel_of(next);
      fetch_constants(a.multiplier + at, a.bias + at, layout.panel_channels(next % layout.panels));
    }
    run_tiles(Tiles, layout.vectors(panel), task, next_bytes);
    if (k + task.channels == p.out_channels)
      store_pads(p.epilogue, a.y, block.first, block.first + block.pixels, p.out_channels);
  }
}

template <const TileSet& Tiles>
void cut(ConvProblem& p) {
  p.blocks = p.members > 1 ? shared_blocks(Tiles, merged(Tiles, p)) : 0;
}

const char* low_activations(const ConvProblem& p) {
  return p.in_highest <= kLowActivation ? nullptr : "its input has values above 127";
}

template <const TileSet& Tiles, const Gather& Gathering>
constexpr ConvKernel make_kernel(const char* name, Isa isa,
                                 const char* (*supports)(const ConvProblem&) = supports_all<ConvProblem>) {
  return {{name, isa, supports, units<Tiles>, scratch_bytes<Tiles>, run<Tiles, Gathering>},
          packed_bytes<Tiles>,
          pack<Tiles>,
          cut<Tiles>};
}

}  // namespace

constinit const ConvKernel kConv16x32Amx = make_kernel<kTilesAmx, kGatherAvx512>("conv_s8_16x32_amx", Isa::kAmx);
constinit const ConvKernel kConv14x32Avx512Vnni =
    make_kernel<kTilesAvx512Vnni, kGatherAvx512>("conv_s8_14x32_avx512vnni", Isa::kAvx512Vnni);
constinit const ConvKernel kConv10x32Avx512 =
    make_kernel<kTilesAvx512, kGatherAvx512>("conv_s8_10x32_avx512", Isa::kAvx512);
constinit const ConvKernel kConv6x16AvxVnni =
    make_kernel<kTilesAvxVnni, kGatherAvx2>("conv_s8_6x16_avxvnni", Isa::kAvxVnni);
constinit const ConvKernel kConv6x16LowAvx2 =
    make_kernel<kTilesAvx2Low, kGatherAvx2>("conv_s8_6x16_low_avx2", Isa::kAvx2, low_activations);
constinit const ConvKernel kConv4x16Avx2 = make_kernel<kTilesAvx2, kGatherAvx2>("conv_s8_4x16_avx2", Isa::kAvx2);
constinit const ConvKernel kConv4x8Portable =
    make_kernel<kTilesPortable, kGather>("conv_s8_4x8_portable", Isa::kPortable);

}  // namespace qat::kernels
