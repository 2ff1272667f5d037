// Packed weights: panels of the output channels of one group, each with the start values of its sums.
//
// A panel of W columns: s32 start[W] = -in_zero_point * sum of the column's weights, then `steps` steps of 4 W bytes:
//
//   quads   [W][4]     vpdpbusd: lane j of a vector multiplies the 4 bytes of the step with w[j][0..3]
//   pairs   [2][W][2]  vpmaddwd after widening: first w[j][0], w[j][2] of every column, then w[j][1], w[j][3]
//
// Columns past the last channel and depth past the last channel of a tap are 0. All panels of a group but the last have
// tiles.columns() columns; the last has as many vectors as it needs. Every panel starts at a multiple of 64 bytes.
#pragma once

#include "engine/cpu/tile/tile.h"

namespace qat::kernels {

// depth: bytes of a row, a multiple of 4.
struct PanelLayout {
  PanelLayout(const TileSet& tiles, int64_t groups, int64_t group_channels, int64_t depth);

  int64_t groups, channels, depth;  // channels: output channels of a group
  int64_t columns, vector_columns;
  int64_t panels;       // of a group
  int64_t panel_bytes;  // of a full panel
  int64_t group_bytes;

  int64_t bytes() const { return groups * group_bytes; }
  int64_t panel_channels(int64_t panel) const;  // 1..columns
  int vectors(int64_t panel) const;
  int64_t offset(int64_t group, int64_t panel) const { return group * group_bytes + panel * panel_bytes; }

 private:
  int64_t size_of_panel(int64_t width) const { return (width * 4 + width * depth + 63) / 64 * 64; }
};

// weights: s8 [groups * channels][depth], rows already in the order of the activations' bytes.
void pack_panels(const TileSet& tiles, const PanelLayout& layout, const int8_t* weights, int32_t in_zero_point,
                 void* packed);

}  // namespace qat::kernels
