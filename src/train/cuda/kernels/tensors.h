// Work on all parameters of a network in one launch: a table of tensors and a list of chunks, both in device memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/cuda/kernels/types.h"

namespace qat::train::cuda {

// One weight: fp32 master [dim0, dim1, pixels] (KCRS; [K, C] has pixels 1) and its bf16 copy for the convolution,
// [dim0, pixels, pitch] (KRSC); its channels from dim1 to pitch are never written: zero them once.
struct Weight {
  const float* master = nullptr;
  void* copy = nullptr;  // forward: bf16 or f32 (WeightsArgs::type)
  int32_t dim0 = 0, dim1 = 0, pixels = 1, pitch = 0;
  // Quantization; range null: none, the copy is only converted.
  float* range = nullptr;  // [slices]: a value per slice of `axis`
  int32_t axis = 0;        // 0 or 1; -1: one slice
  float unit = 127;        // Range::unit
  int32_t lo = -127, hi = 127;
  bool follow = false;  // forward writes range_of_peak(max|w|) of each slice first (then nothing is clamped)
  uint8_t* mask =
      nullptr;  // bit: the gradient passes; bits in the master's order, ceil(size / 8) bytes; null: all pass
  // Backward. Master and range are those of the forward pass: what was clamped is found again.
  const void* copy_gradient = nullptr;  // of the copy, in its layout; null: this tensor is passed over
  float* gradient = nullptr;            // of the master: copy_gradient, 0 where it was clamped
  float* range_gradient = nullptr;      // LSQ: [slices], range_factor * sum; null: not learned
  double range_factor = 1;              // unit / sqrt(n hi), n the elements of all slices
};

// What one block does: slices [slice, slice + count) of a weight.
struct WeightChunk {
  int32_t weight = 0, slice = 0, count = 0;
};

struct WeightsArgs {
  Type type = Type::kBF16;  // of the copies and their gradients
  const Weight* weights = nullptr;
  const WeightChunk* chunks = nullptr;
  int64_t chunk_count = 0;
  Status status = {};  // backward: a gradient that is NaN or infinite is reported as place + index of the weight
};

// In order of the weights, largest slices alone.
std::vector<WeightChunk> weight_chunks(std::span<const Weight> weights);

// One parameter of the optimizer.
struct Parameter {
  float* value = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;   // momentum; AdamW: first moment
  float* second = nullptr;  // AdamW
  int64_t size = 0;
  float decay = 0;
  float smallest = -std::numeric_limits<float>::infinity();  // ranges stay above 1e-6
};

struct Chunk {
  int32_t tensor = 0, part = 0;  // elements [part, part + 1) * kChunk of it
};
constexpr int64_t kChunk = 8192;

// What changes from step to step, in device memory, so that a captured graph needs no other argument.
struct StepScalars {
  float lr = 0;
  float correction1 = 1, correction2 = 1;  // AdamW: 1 - beta^step, rounded from double
  float average_keep = 0;                  // weight averaging: average += (1 - keep)(value - average)
};

struct OptimizerArgs {
  const Parameter* parameters = nullptr;
  const Chunk* chunks = nullptr;
  int64_t chunk_count = 0;
  const StepScalars* scalars = nullptr;
  float momentum = 0;  // SGD; formulas as train/kernels/optimizer_step.h, fma where it has one
  bool nesterov = false;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;  // AdamW
  Status status = {};  // check_finite reports place + index of the parameter; sgd and adamw obey the word
};

// Moving averages of parameters and buffers; obeys the status word.
struct Average {
  float* average = nullptr;
  const float* value = nullptr;
  int64_t size = 0;
};

struct AverageArgs {
  const Average* tensors = nullptr;
  const Chunk* chunks = nullptr;
  int64_t chunk_count = 0;
  const StepScalars* scalars = nullptr;
  Status status = {};
};

// Chunks of tensors of these sizes.
std::vector<Chunk> make_chunks(std::span<const int64_t> sizes);

}  // namespace qat::train::cuda
