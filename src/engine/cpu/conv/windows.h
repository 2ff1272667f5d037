// How the receptive fields of output pixels are laid before the tiles: as matrix rows of one or more segments.
//
//   kPixels    1x1 without stride or pads: the image is the matrix, a row is one segment
//   kImage     no pads: rows lie in the image, one segment for each tap row
//   kBand      the input rows of some output rows are copied once, their pads around them; segments as in the image
//   kJoined    a band whose lines share their pads, so that its pixels are rows all through, those between two lines of
//              outputs for nothing: tiles span lines; where 7/10 of their rows have results; of some lines or whole
//              images
//   kGathered  every row is copied out as one segment: dilated columns, and output rows too narrow for the tiles
//   kColumns   of a line of outputs, input columns lie one after the other, the taps of each below each other: windows
//              overlap, each is one segment; for short tap rows, which rounding up would lengthen
//
// Where channels do not fill their pitch (an image's three, in four bytes), a band keeps them side by side: a tap row
// of seven is 21 bytes, six steps, instead of seven. What follows it is read and multiplied by 0.
//
// A band copies each input byte once or twice, gathering each as often as the kernel has taps. Against the
// multiply-adds gathering weighs as 1 / output channels: much for 64, little for 512.
#pragma once

#include "engine/cpu/conv/conv.h"
#include "engine/cpu/conv/gather.h"
#include "engine/cpu/tile/tile.h"

namespace qat::kernels {

enum class Windows : uint8_t { kPixels, kImage, kBand, kJoined, kGathered, kColumns };

// The problem cut into blocks: a block's rows are laid out at once and meet every panel. Blocks of kPixels and
// kGathered are one run of output pixels, those of kJoined a run for each image, the others are some output rows of one
// image, each a run. Blocks are as large as caches allow, and smaller where members of a team would have unequal
// shares.
struct Blocks {
  Blocks(const TileSet& tiles, const ConvProblem& p);

  Windows windows;
  int64_t tap_bytes;                              // of a band's pixel
  int64_t segments, segment_bytes, segment_step;  // of a matrix row
  int64_t row_stride, run_stride;                 // bytes between matrix rows, and between the first ones of two runs
  int64_t run, runs;                              // rows of a run, runs of a block, but for the last ones
  int64_t line = 0, gap = 0;                      // of kJoined: pixels of a line, and rows to the next one
  int64_t count;                                  // of blocks
  int64_t blocks_per_image = 0, lines = 0;        // but of kPixels and kGathered; lines: output rows of a block
  int64_t images = 1;                             // of a block; 1 where it is cut for a team

  struct Block {
    int64_t first, pixels;  // of the output
    int64_t run, runs;      // rows of a run, runs
  };
  Block at(const ConvProblem& p, int64_t index) const;
  size_t scratch_bytes() const;  // 0 where rows are read in place
  size_t offset() const;         // of a block's rows in scratch

 private:
  void cut_pixels(const TileSet& tiles, const ConvProblem& p);
  void cut_lines(const TileSet& tiles, const ConvProblem& p);
  void cut_joined(const TileSet& tiles, const ConvProblem& p);

  int64_t band_bytes_ = 0, pad_bytes_ = 0;
};

// For ConvProblem::blocks.
int64_t shared_blocks(const TileSet& tiles, const ConvProblem& p);

// Bytes of a tap and of a segment of packed weights, and how many segments there are; they depend on no bound extent.
// by_columns: taps go down before they go right.
struct Depth {
  Depth(const TileSet& tiles, const ConvProblem& p);
  bool by_columns;
  int64_t tap_bytes, segments, segment_bytes;
  int64_t bytes() const { return segments * segment_bytes; }
};

// The first matrix row of a block for one group; copies to `scratch` what does not lie in the image as it should.
const uint8_t* lay_out(const Blocks& blocks, const ConvProblem& p, const Blocks::Block& block, const uint8_t* x,
                       int64_t group, const Gather& gather, uint8_t* scratch);

}  // namespace qat::kernels
