// A Conv or Gemm of integers: exact sums in floats, and the factors that bring them to the output's unit.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "train/libtorch/steps.h"

namespace qat::train {

struct Factors {
  at::Tensor m, b;  // f32 by output channel, where sums are made
};

// Activations behind a plain quantizer, past operators that move values; parts of a Concat share a scale. Nothing
// elsewhere.
struct Integers {
  float scale = 1.0f;
  int largest = 128;  // |q| is at most this
};
std::optional<Integers> integers_of(const ir::Graph& graph, const ir::Uses& uses, ir::ValueId id);

// Input behind a plain quantizer, see integers_of; weight behind a symmetric one per output channel or per tensor.
bool is_exact_layer(const ir::Graph& graph, const ir::Uses& uses, const ir::Node& node);

struct ExactContext {
  const ir::Uses& uses;
  const std::vector<float>& units;  // of the values made so far
  at::Device device;                // where sums are made
};

class ExactLayer {
 public:
  // float(acc): exact int32 sums, rounded once where they pass 2^24.
  at::Tensor sums(const Frame& frame) const;

  // m = s_x s_w / s_y, b = bias / s_y: in double, rounded once.
  Factors factors(float s_y) const;

 private:
  at::Tensor sum(const at::Tensor& x, const at::Tensor& w) const;

  friend std::shared_ptr<const ExactLayer> exact_layer(const ir::Graph&, const ir::Node&, const ExactContext&);
  ir::Node node_;
  std::vector<at::Tensor> parts_;  // integer weights, split along the input channels
  int64_t part_channels_ = 0;
  std::vector<double> scale_;  // s_x s_w
  std::vector<double> bias_;
};

// nullptr when node is none (see is_exact_layer).
std::shared_ptr<const ExactLayer> exact_layer(const ir::Graph& graph, const ir::Node& node,
                                              const ExactContext& context);

}  // namespace qat::train
