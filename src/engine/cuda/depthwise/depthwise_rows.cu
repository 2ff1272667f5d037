// Depthwise windows of 3x3 and 5x5, strides 1 and 2: a thread makes kRows x kColumns outputs of 4 channels.
#include <cstring>

#include "engine/cuda/depthwise/depthwise_dp4a.cuh"
#include "engine/cuda/depthwise/depthwise_kernels.h"
#include "engine/cuda/epilogue.cuh"
#include "engine/cuda/launch.cuh"
#include "engine/cuda/mma/divide.h"
#include "engine/cuda/unit_epilogue.cuh"

namespace qat::cuda {
namespace {

using kernels::DepthwiseArgs;
using kernels::DepthwiseProblem;

constexpr int kThreads = 128;

// Packed form: s32 start [pitch], -in_zero_point * sum of the channel's taps; then s8 [pitch / 4][R][4][4 or 8]: the
// taps of a window's row, padded with 0.
struct PackedShape {
  int64_t pitch, row_taps;
  explicit PackedShape(const DepthwiseProblem& p) : pitch(pitch_of(p.channels)), row_taps(p.kernel_w <= 4 ? 4 : 8) {}
  size_t weights_offset() const { return static_cast<size_t>(pitch) * 4; }
  size_t bytes(const DepthwiseProblem& p) const {
    return weights_offset() + static_cast<size_t>(pitch * p.kernel_h * row_taps);
  }
};

size_t packed_bytes(const DepthwiseProblem& p) { return PackedShape(p).bytes(p); }

void pack(const DepthwiseProblem& p, const int8_t* weights, void* packed) {
  const PackedShape shape(p);
  std::memset(packed, 0, shape.bytes(p));
  auto* start = static_cast<int32_t*>(packed);
  auto* taps = static_cast<int8_t*>(packed) + shape.weights_offset();
  for (int64_t c = 0; c < p.channels; ++c)
    for (int64_t r = 0; r < p.kernel_h; ++r)
      for (int64_t s = 0; s < p.kernel_w; ++s) {
        const int8_t w = weights[(c * p.kernel_h + r) * p.kernel_w + s];
        taps[((c / 4 * p.kernel_h + r) * 4 + c % 4) * shape.row_taps + s] = w;
        start[c] -= p.in_zero_point * w;
      }
}

struct Params {
  const uint8_t* x;
  const int32_t* start;
  const uint32_t* weights;
  const float* multiplier;
  const float* bias;
  const uint8_t* skip;
  void* y;
  DeviceEpilogue epilogue;
  UnitEpilogue unit;
  bool has_skip, f32_output;
  uint32_t zero_word;  // four in_zero_points
  int32_t in_h, in_w, out_h, out_w, pad_top, pad_left, channels;
  int64_t threads;
  Divisor words, column_strips, row_strips;
};

// One thread's place: a word of 4 channels, and the first output row and column of its strip.
struct Place {
  int word, row, column, image;
};

__device__ inline Place place_of(const Params& p, uint32_t thread, int rows, int columns) {
  uint32_t word, strip, column, row, image;
  p.words.split(thread, strip, word);
  p.column_strips.split(strip, strip, column);
  p.row_strips.split(strip, image, row);
  return {static_cast<int>(word), static_cast<int>(row) * rows, static_cast<int>(column) * columns,
          static_cast<int>(image)};
}

// Multipliers and biases of a word's 4 channels, 0 past the last.
struct Scales4 {
  float multiplier[4], bias[4];

  __device__ Scales4(const Params& p, int word) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int c = word * 4 + i;
      multiplier[i] = c < p.channels ? p.multiplier[c] : 0.0f, bias[i] = c < p.channels ? p.bias[c] : 0.0f;
    }
  }

  // Whether the outputs may be unit_outputs(); then takes all times kUnit.
  __device__ bool to_unit(const Params& p) {
    bool exact = p.unit.usable;
#pragma unroll
    for (int i = 0; i < 4; ++i) exact = exact && unit_exact(multiplier[i]) && unit_exact(bias[i]);
    if (exact)
#pragma unroll
      for (int i = 0; i < 4; ++i) multiplier[i] *= kUnit, bias[i] *= kUnit;
    return exact;
  }
};

template <bool kUnitOutputs>
__device__ inline void store4(const Params& p, const Place& at, int row, int column, const int32_t (&sum)[4],
                              const Scales4& s) {
  const int64_t pixel = (static_cast<int64_t>(at.image) * p.out_h + row) * p.out_w + column;
  const int64_t index = pixel * p.words.value + at.word;
  const uint32_t skip = p.has_skip ? reinterpret_cast<const uint32_t*>(p.skip)[index] : 0;
  if constexpr (kUnitOutputs) {
    static_cast<uint32_t*>(p.y)[index] = p.has_skip ? unit_outputs(p.unit, sum, s.multiplier, s.bias, skip)
                                                    : unit_outputs(p.unit, sum, s.multiplier, s.bias);
  } else {
    float v[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = accumulated(sum[i], s.multiplier[i], s.bias[i]);
    if (p.has_skip) add_skip4(p.epilogue, skip, v);
    if (!p.f32_output) {
      static_cast<uint32_t*>(p.y)[index] = finish4(p.epilogue, v);
      return;
    }
    for (int c = 0; c < 4; ++c)
      if (at.word * 4 + c < p.channels)
        static_cast<float*>(p.y)[pixel * p.channels + at.word * 4 + c] = finish_f32(p.epilogue, v[c]);
  }
}

// A window of kSize x kSize with stride kStep.
template <int kSize, int kStep, int kRows, int kColumns>
class Strip {
  static constexpr int kInRows = (kRows - 1) * kStep + kSize, kInColumns = (kColumns - 1) * kStep + kSize;
  static constexpr int kBlocks = (kInColumns + 3) / 4, kTapWords = kSize <= 4 ? 1 : 2;

 public:
  __device__ void load_taps(const Params& p, int word) {
#pragma unroll
    for (int i = 0; i < kSize * kTapWords; ++i) {
      const uint4 w = reinterpret_cast<const uint4*>(p.weights)[word * kSize * kTapWords + i];
      taps_[i * 4] = w.x, taps_[i * 4 + 1] = w.y, taps_[i * 4 + 2] = w.z, taps_[i * 4 + 3] = w.w;
    }
    const int4 start = reinterpret_cast<const int4*>(p.start)[word];
#pragma unroll
    for (int i = 0; i < kRows * kColumns; ++i) {
      int32_t(&s)[4] = sums[i / kColumns][i % kColumns];
      s[0] = start.x, s[1] = start.y, s[2] = start.z, s[3] = start.w;
    }
  }

  __device__ void accumulate(const Params& p, const Place& at) {
    const int top = at.row * kStep - p.pad_top, left = at.column * kStep - p.pad_left;
    const auto* image = reinterpret_cast<const uint32_t*>(p.x) +
                        static_cast<int64_t>(at.image) * p.in_h * p.in_w * p.words.value + at.word;
#pragma unroll
    for (int h = 0; h < kInRows; ++h) {
      const bool row_inside = static_cast<uint32_t>(top + h) < static_cast<uint32_t>(p.in_h);
      uint32_t pixels[kBlocks * 4] = {};
#pragma unroll
      for (int w = 0; w < kInColumns; ++w) {
        const bool inside = row_inside && static_cast<uint32_t>(left + w) < static_cast<uint32_t>(p.in_w);
        pixels[w] = inside ? image[((top + h) * p.in_w + left + w) * static_cast<int>(p.words.value)] : p.zero_word;
      }
      uint32_t channels[kBlocks][4];
#pragma unroll
      for (int b = 0; b < kBlocks; ++b) transpose4(pixels + 4 * b, channels[b]);
#pragma unroll
      for (int row = 0; row < kRows; ++row)
        if (h - row * kStep >= 0 && h - row * kStep < kSize) add_row(channels, h - row * kStep, row);
    }
  }

  int32_t sums[kRows][kColumns][4];

 private:
  // Window row r of the outputs of `row`.
  __device__ void add_row(const uint32_t (&channels)[kBlocks][4], int r, int row) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const uint32_t low = taps_[(r * 4 + c) * kTapWords],
                     high = kTapWords > 1 ? taps_[(r * 4 + c) * kTapWords + 1] : 0;
      add_columns<0>(channels, c, low, high, sums[row]);
    }
  }

  // The outputs from column kColumn on.
  template <int kColumn>
  __device__ static void add_columns(const uint32_t (&channels)[kBlocks][4], int c, uint32_t low, uint32_t high,
                                     int32_t (&sums)[kColumns][4]) {
    if constexpr (kColumn < kColumns) {
      add_blocks<kColumn, 0>(channels, c, low, high, sums[kColumn][c]);
      add_columns<kColumn + 1>(channels, c, low, high, sums);
    }
  }

  template <int kColumn, int kBlock>
  __device__ static void add_blocks(const uint32_t (&channels)[kBlocks][4], int c, uint32_t low, uint32_t high,
                                    int32_t& sum) {
    if constexpr (kBlock < kBlocks) {
      constexpr int kFirst = 4 * kBlock - kColumn * kStep;  // the tap of the block's first pixel
      if constexpr (kFirst > -4 && kFirst < kSize) sum = dot4(channels[kBlock][c], taps_from<kFirst>(low, high), sum);
      add_blocks<kColumn, kBlock + 1>(channels, c, low, high, sum);
    }
  }

  uint32_t taps_[kSize * 4 * kTapWords];
};

template <bool kUnitOutputs, int kRows, int kColumns>
__device__ inline void store_strip(const Params& p, const Place& at, const int32_t (&sums)[kRows][kColumns][4],
                                   const Scales4& s) {
#pragma unroll
  for (int row = 0; row < kRows; ++row)
#pragma unroll
    for (int column = 0; column < kColumns; ++column)
      if (at.row + row < p.out_h && at.column + column < p.out_w)
        store4<kUnitOutputs>(p, at, at.row + row, at.column + column, sums[row][column], s);
}

template <int kSize, int kStep, int kRows, int kColumns>
__global__ void __launch_bounds__(kThreads) depthwise_rows(const __grid_constant__ Params p) {
  let_next_start();
  const int64_t thread = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (thread >= p.threads) return;
  const Place at = place_of(p, static_cast<uint32_t>(thread), kRows, kColumns);
  Strip<kSize, kStep, kRows, kColumns> strip;
  strip.load_taps(p, at.word);
  Scales4 scales(p, at.word);
  const bool unit = scales.to_unit(p);
  wait_for_previous();
  strip.accumulate(p, at);
  unit ? store_strip<true>(p, at, strip.sums, scales) : store_strip<false>(p, at, strip.sums, scales);
}

template <int kSize, int kStep, int kRows, int kColumns>
cudaError_t enqueue(const DepthwiseProblem& p, const DepthwiseArgs& a, cudaStream_t stream) {
  const PackedShape shape(p);
  const int64_t words = shape.pitch / 4;
  const int64_t rows = (p.out_h() + kRows - 1) / kRows, columns = (p.out_w() + kColumns - 1) / kColumns;
  const auto narrow = [](int64_t v) { return static_cast<int32_t>(v); };
  const auto* packed = static_cast<const uint8_t*>(a.weights);
  const Params params{.x = a.x,
                      .start = reinterpret_cast<const int32_t*>(packed),
                      .weights = reinterpret_cast<const uint32_t*>(packed + shape.weights_offset()),
                      .multiplier = a.multiplier,
                      .bias = a.bias,
                      .skip = a.skip,
                      .y = a.y,
                      .epilogue = device_epilogue(p.epilogue),
                      .unit = unit_epilogue(p.epilogue),
                      .has_skip = p.epilogue.has_skip,
                      .f32_output = p.epilogue.output == kernels::Output::kF32,
                      .zero_word = static_cast<uint32_t>(p.in_zero_point) * 0x01010101u,
                      .in_h = narrow(p.in_h),
                      .in_w = narrow(p.in_w),
                      .out_h = narrow(p.out_h()),
                      .out_w = narrow(p.out_w()),
                      .pad_top = narrow(p.pad_top),
                      .pad_left = narrow(p.pad_left),
                      .channels = narrow(p.channels),
                      .threads = p.batch * rows * columns * words,
                      .words = Divisor(words),
                      .column_strips = Divisor(columns),
                      .row_strips = Divisor(rows)};
  const auto blocks = static_cast<unsigned>((params.threads + kThreads - 1) / kThreads);
  return launch(depthwise_rows<kSize, kStep, kRows, kColumns>, {.grid = blocks, .block = kThreads}, stream, params);
}

const char* supports(const DepthwiseProblem& p) {
  if (p.kernel_h != p.kernel_w || (p.kernel_h != 3 && p.kernel_h != 5)) return "windows of 3x3 and 5x5 only";
  if (p.stride_h != p.stride_w || p.stride_h > 2) return "strides 1 and 2 only";
  if (p.dilation_h != 1 || p.dilation_w != 1) return "no dilation";
  constexpr int64_t kLimit = int64_t{1} << 31;
  if (p.batch * p.out_h() * p.out_w() * pitch_of(p.channels) / 4 >= kLimit) return "thread indices have 31 bits";
  if (p.in_h * p.in_w * pitch_of(p.channels) / 4 >= kLimit) return "offsets in an image have 31 bits";
  return nullptr;
}

// Columns of a strip: as many as fill the words of 4 transposed pixels.
template <int kRows>
cudaError_t run(const DepthwiseProblem& p, const DepthwiseArgs& a, void*, cudaStream_t stream) {
  if (p.kernel_h == 3)
    return p.stride_h == 1 ? enqueue<3, 1, kRows, 2>(p, a, stream) : enqueue<3, 2, kRows, 3>(p, a, stream);
  return p.stride_h == 1 ? enqueue<5, 1, kRows, 4>(p, a, stream) : enqueue<5, 2, kRows, 2>(p, a, stream);
}

template <int kRows>
constexpr DepthwiseKernel entry(const char* name) {
  return {{name, kAnyCapability, supports, no_workspace<DepthwiseProblem>, run<kRows>}, packed_bytes, pack};
}

}  // namespace

constinit const DepthwiseKernel kDepthwiseRows4 = entry<4>("depthwise_s8_rows4");
constinit const DepthwiseKernel kDepthwiseRows2 = entry<2>("depthwise_s8_rows2");
constinit const DepthwiseKernel kDepthwiseRows1 = entry<1>("depthwise_s8_rows1");

}  // namespace qat::cuda
