// The ring of stages between the loading warp and the multiplying warpgroups of conv_tma.cuh.
#pragma once

#include "engine/cuda/conv/conv_tma_params.h"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/barrier.cuh"
#include "engine/cuda/mma/bulk_copy.cuh"
#include "engine/cuda/mma/copy.cuh"
#include "engine/cuda/mma/wgmma.cuh"

namespace qat::cuda {

// A stage, and how often the ring has been gone round before, modulo 2.
struct RingPlace {
  int stages;
  int stage = 0;
  uint32_t round = 0;

  __device__ void advance(int count) {
    stage += count;
    while (stage >= stages) stage -= stages, round ^= 1;
  }
};

// Of a tile's steps, those that a block takes.
struct TmaSteps {
  int first, count;
};

// The next box of pixels: its tap, and which part of the tap's channels.
struct TmaBox {
  int r = 0, s = 0, part = 0;

  __device__ TmaBox(const ConvTmaParams& p, int step) {
    if (step == 0 || !p.windows) return;
    const int box = step * 128 / p.box_bytes, tap = box / p.tap_boxes;
    part = box - tap * p.tap_boxes, r = tap / p.kernel_w, s = tap - r * p.kernel_w;
  }

  __device__ void advance(const ConvTmaParams& p) {
    if (++part < p.tap_boxes) return;
    part = 0;
    if (++s < p.kernel_w) return;
    s = 0;
    if (++r == p.kernel_h) r = 0;  // past the last tap any will do: its weights are 0
  }
};

template <TmaSpec kSpec>
class TmaRing {
  static constexpr int kPixelBytes = kSpec.rows * 128, kWeightBytes = kSpec.columns * 128;
  static constexpr int kStageBytes = kPixelBytes + kWeightBytes;
  static constexpr int kSkipBox = kSpec.columns < 128 ? kSpec.columns : 128;  // bytes

 public:
  // Warpgroups' registers are set apart where a block has the multiprocessor to itself, which takes whole warpgroups.
  static constexpr bool kAlone = kSpec.blocks == 1;
  static constexpr int kConsumers = kSpec.sets * kSpec.groups * 128, kThreads = kConsumers + (kAlone ? 128 : 32);
  static constexpr int kLoaderRegisters = 40, kRegisters = kConsumers == 256 ? 232 : 152;
  static_assert(!kAlone || 128 * kLoaderRegisters + kConsumers * kRegisters <= 65536);
  static_assert(kSpec.stages * 16 <= kTmaBarrierBytes - 16);
  static_assert(kSpec.rows * kSpec.columns <= kStageBytes, "the skip's tile takes a stage");

  static constexpr int stage_bytes() { return kStageBytes; }

  __device__ TmaRing(uint32_t shared, int stages, int stages_at)
      : barriers_(shared), stages_(shared + stages_at), count_(stages) {}

  __device__ RingPlace start() const { return {.stages = count_}; }

  __device__ void init() const {
    for (RingPlace i = start(); i.stage < count_; ++i.stage)
      barrier_init(full(i), 1), barrier_init(empty(i), 4 * kSpec.groups);
    publish_barriers();
  }

  __device__ uint32_t stage(const RingPlace& place) const { return stages_ + place.stage * kStageBytes; }
  __device__ void wait_full(const RingPlace& place) const { barrier_wait(full(place), place.round); }

  // Once a warp, when it has read the stage.
  __device__ void release(const RingPlace& place) const {
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(empty(place));
  }

  // The loading thread: `steps` of all tiles from `tile` on, a grid of `stride` blocks apart. The first weights, and
  // what the engine needs to know of the others, come while other kernels are still at work.
  __device__ void load_tiles(const ConvTmaParams& p, const ConvTmaMaps& maps, uint32_t tile, uint32_t stride,
                             const TmaSteps& steps) const {
    int ahead = min(steps.count, count_);
    const TmaPlace<kSpec> first(p, tile);
    for (RingPlace i = start(); i.stage < ahead; ++i.stage) load_weights(maps, steps.first + i.stage, first, i);
    prefetch_map(maps.pixels);
    if (p.has_skip) prefetch_map(maps.skip);
    const TmaBox first_box(p, steps.first);
    wait_for_previous();
    RingPlace place = start();
    for (; tile < p.tiles; tile += stride, ahead = 0) {
      const TmaPlace<kSpec> at(p, tile);
      load_steps(p, maps, at, place, steps, first_box, ahead);
      if (p.has_skip) load_skip(maps, at, place);
    }
  }

 private:
  __device__ uint32_t full(const RingPlace& place) const { return barriers_ + place.stage * 16; }
  __device__ uint32_t empty(const RingPlace& place) const { return full(place) + 8; }

  // Begins a step's stage.
  __device__ void load_weights(const ConvTmaMaps& maps, int step, const TmaPlace<kSpec>& at,
                               const RingPlace& place) const {
    barrier_expect(full(place), kStageBytes);
    copy_box(stage(place) + kPixelBytes, maps.weights, step * 128, at.first_column, full(place));
  }

  // ahead: steps whose weights are under way.
  __device__ void load_steps(const ConvTmaParams& p, const ConvTmaMaps& maps, const TmaPlace<kSpec>& at,
                             RingPlace& place, const TmaSteps& steps, TmaBox box, int ahead) const {
    uint32_t n, rest, row, column;
    p.out_image.split(static_cast<uint32_t>(at.first_pixel), n, rest);
    p.out_row.split(rest, row, column);
    const int h = static_cast<int>(row) * p.stride_h - p.pad_top,
              w = static_cast<int>(column) * p.stride_w - p.pad_left;
    for (int i = 0; i < steps.count; ++i) {
      const int step = steps.first + i;
      if (i >= ahead) {
        barrier_wait(empty(place), place.round ^ 1);
        load_weights(maps, step, at, place);
      }
      if (!p.windows) {
        copy_box(stage(place), maps.pixels, step * 128, at.first_pixel, full(place));
      } else {
        for (int byte = 0; byte < 128; byte += p.box_bytes, box.advance(p))
          copy_pixels(stage(place) + byte * kSpec.rows, maps.pixels, box.part * p.box_bytes, w, h, static_cast<int>(n),
                      box.s * p.dilation_w, box.r * p.dilation_h, full(place));
      }
      place.advance(1);
    }
  }

  // Boxes of 128 columns (or all 64), one after the other.
  __device__ void load_skip(const ConvTmaMaps& maps, const TmaPlace<kSpec>& at, RingPlace& place) const {
    barrier_wait(empty(place), place.round ^ 1);
    barrier_expect(full(place), kSpec.rows * kSpec.columns);
    for (int column = 0; column < kSpec.columns; column += kSkipBox)
      copy_box(stage(place) + column * kSpec.rows, maps.skip, at.first_column + column, at.first_pixel, full(place));
    place.advance(1);
  }

  uint32_t barriers_, stages_;
  int count_;
};

}  // namespace qat::cuda
