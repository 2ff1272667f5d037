// Fully connected layers as rows times panels. A unit is one panel: with few rows all time goes into streaming weights,
// and each panel is read once.
#include <algorithm>
#include <vector>

#include "engine/cpu/gemm/gemm_kernels.h"
#include "engine/cpu/tile/panels.h"

namespace qat::kernels {
namespace {

// With one tile a panel, weights are read once and as fast as memory gives them: more than it has in flight, and far
// less than the second-level cache, is fetched ahead. With several, the next panel is, while this one stays.
constexpr int64_t kAhead = 16 * 1024;

// Bytes of a row of weights.
template <const TileSet& Tiles>
int64_t depth_of(const GemmProblem& p) {
  return (p.row_bytes() + Tiles.depth_multiple - 1) / Tiles.depth_multiple * Tiles.depth_multiple;
}

template <const TileSet& Tiles>
PanelLayout layout_of(const GemmProblem& p) {
  return {Tiles, 1, p.outputs, depth_of<Tiles>(p)};
}

template <const TileSet& Tiles>
size_t packed_bytes(const GemmProblem& p) {
  return static_cast<size_t>(layout_of<Tiles>(p).bytes());
}

// [K][C][positions] to the activations' order [K][positions][C rounded up], then panels.
template <const TileSet& Tiles>
void pack(const GemmProblem& p, const int8_t* weights, void* packed) {
  const int64_t pitch = pitch_of(p.channels), depth = depth_of<Tiles>(p);
  std::vector<int8_t> rows(static_cast<size_t>(p.outputs * depth), 0);
  for (int64_t k = 0; k < p.outputs; ++k)
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t i = 0; i < p.positions; ++i)
        rows[static_cast<size_t>(k * depth + i * pitch + c)] = weights[(k * p.channels + c) * p.positions + i];
  pack_panels(Tiles, layout_of<Tiles>(p), rows.data(), p.in_zero_point, packed);
}

template <const TileSet& Tiles>
int64_t units(const GemmProblem& p) {
  return layout_of<Tiles>(p).panels;
}

template <const TileSet& Tiles>
void run(const GemmProblem& p, const GemmArgs& a, int64_t begin, int64_t end, void*) {
  const PanelLayout layout = layout_of<Tiles>(p);
  const TileEpilogue epilogue(p.epilogue);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  TileTask task{.row_stride = p.row_bytes(),
                .run = p.rows,
                .steps = p.row_bytes() / 4,
                .epilogue = &epilogue,
                .skip_stride = p.epilogue.has_skip ? pitch_of(p.outputs) : 0,
                .y_stride = output_pitch(p.epilogue, p.outputs) * element};
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t k = panel * layout.columns;
    task.rows = a.x;
    task.panel = static_cast<const uint8_t*>(a.weights) + layout.offset(0, panel);
    task.multiplier = a.multiplier + k;
    task.bias = a.bias + k;
    task.channels = layout.panel_channels(panel);
    task.skip = p.epilogue.has_skip ? a.skip + k : nullptr;
    task.y = static_cast<uint8_t*>(a.y) + k * element;
    const bool more = panel + 1 < end;
    const int64_t ahead = p.rows > Tiles.max_rows ? layout.panel_bytes : std::min(layout.panel_bytes, kAhead);
    task.next = static_cast<const uint8_t*>(task.panel) + (more ? ahead : 0);
    if (more) {
      const int64_t channels = layout.panel_channels(panel + 1);
      fetch_constants(task.multiplier + layout.columns, task.bias + layout.columns, channels);
    }
    run_tiles(Tiles, layout.vectors(panel), task, more ? layout.panel_bytes : 0);
  }
  if (end == layout.panels) store_pads(p.epilogue, a.y, 0, p.rows, p.outputs);
}

const char* low_activations(const GemmProblem& p) {
  return p.in_highest <= kLowActivation ? nullptr : "its input has values above 127";
}

template <const TileSet& Tiles>
constexpr GemmKernel make_kernel(const char* name, Isa isa,
                                 const char* (*supports)(const GemmProblem&) = supports_all<GemmProblem>) {
  return {{name, isa, supports, units<Tiles>, no_scratch<GemmProblem>, run<Tiles>}, packed_bytes<Tiles>, pack<Tiles>};
}

}  // namespace

constinit const GemmKernel kGemm16x32Amx = make_kernel<kTilesAmx>("gemm_s8_16x32_amx", Isa::kAmx);
constinit const GemmKernel kGemm14x32Avx512Vnni =
    make_kernel<kTilesAvx512Vnni>("gemm_s8_14x32_avx512vnni", Isa::kAvx512Vnni);
constinit const GemmKernel kGemm10x32Avx512 = make_kernel<kTilesAvx512>("gemm_s8_10x32_avx512", Isa::kAvx512);
constinit const GemmKernel kGemm6x16AvxVnni = make_kernel<kTilesAvxVnni>("gemm_s8_6x16_avxvnni", Isa::kAvxVnni);
constinit const GemmKernel kGemm6x16LowAvx2 =
    make_kernel<kTilesAvx2Low>("gemm_s8_6x16_low_avx2", Isa::kAvx2, low_activations);
constinit const GemmKernel kGemm4x16Avx2 = make_kernel<kTilesAvx2>("gemm_s8_4x16_avx2", Isa::kAvx2);
constinit const GemmKernel kGemm4x8Portable = make_kernel<kTilesPortable>("gemm_s8_4x8_portable", Isa::kPortable);

}  // namespace qat::kernels
