// Packing weights into panels.
#include "engine/cpu/tile/panels.h"

#include <algorithm>
#include <cstring>

namespace qat::kernels {

PanelLayout::PanelLayout(const TileSet& tiles, int64_t groups, int64_t group_channels, int64_t depth)
    : groups(groups),
      channels(group_channels),
      depth(depth),
      columns(tiles.columns()),
      vector_columns(tiles.vector_columns),
      panels((group_channels + columns - 1) / columns),
      panel_bytes(size_of_panel(columns)),
      group_bytes((panels - 1) * panel_bytes + size_of_panel(vectors(panels - 1) * vector_columns)) {}

int64_t PanelLayout::panel_channels(int64_t panel) const { return std::min(columns, channels - panel * columns); }

int PanelLayout::vectors(int64_t panel) const {
  return static_cast<int>((panel_channels(panel) + vector_columns - 1) / vector_columns);
}

namespace {

// Where byte i (0..3) of column j lies within a step of a panel of `width` columns.
int64_t place(bool pairs, int64_t width, int64_t j, int64_t i) {
  return pairs ? (i % 2) * 2 * width + 2 * j + i / 2 : 4 * j + i;
}

void pack_panel(bool pairs, const int8_t* rows, int64_t count, int64_t depth, int64_t width, int32_t zero_point,
                uint8_t* panel) {
  std::memset(panel, 0, static_cast<size_t>(width * 4 + width * depth));
  auto* weights = reinterpret_cast<int8_t*>(panel + width * 4);
  for (int64_t j = 0; j < count; ++j) {
    int32_t sum = 0;
    for (int64_t d = 0; d < depth; ++d) {
      const int8_t w = rows[j * depth + d];
      sum += w;
      weights[d / 4 * 4 * width + place(pairs, width, j, d % 4)] = w;
    }
    const int32_t start = -zero_point * sum;
    std::memcpy(panel + 4 * j, &start, 4);
  }
}

}  // namespace

void pack_panels(const TileSet& tiles, const PanelLayout& layout, const int8_t* weights, int32_t in_zero_point,
                 void* packed) {
  std::memset(packed, 0, static_cast<size_t>(layout.bytes()));  // the gaps too: equal inputs give equal bytes
  for (int64_t g = 0; g < layout.groups; ++g) {
    for (int64_t panel = 0; panel < layout.panels; ++panel) {
      const int8_t* rows = weights + (g * layout.channels + panel * layout.columns) * layout.depth;
      pack_panel(tiles.pairs, rows, layout.panel_channels(panel), layout.depth,
                 layout.vectors(panel) * layout.vector_columns, in_zero_point,
                 static_cast<uint8_t*>(packed) + layout.offset(g, panel));
    }
  }
}

}  // namespace qat::kernels
