// For tests: networks, batches, and the program on the host over the kernels' twins.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"
#include "data/normalize.h"
#include "quant/placement.h"
#include "train/cuda/program/program.h"
#include "train/learner.h"
#include "zoo/zoo.h"

namespace qat::train::cuda {

struct Case {
  const char* name;
  const char* net;
  int64_t channels, size;
  bool quantized;
  const char *ranges, *weight_ranges;
  bool freeze_bn;
};

// 8 images of noise, the class a tint that a network can learn.
inline data::Batch batch_of(const Case& c) {
  data::Batch batch{.images = Tensor(DType::kU8, {8, c.size, c.size, c.channels}), .labels = {}, .indices = {}};
  Random random(7);
  for (uint8_t& x : batch.images.data<uint8_t>()) x = static_cast<uint8_t>(random.below(256));
  for (int64_t i = 0; i < 8; ++i) batch.labels.push_back(random.below(10));
  return batch;
}

inline config::Options options_of(const Case& c) {
  config::Options o;
  o.train.ranges = c.ranges, o.train.weight_ranges = c.weight_ranges, o.train.range_momentum = 0.1;
  o.train.threads = 1, o.train.label_smoothing = 0.1, o.train.decay_norm_bias = false;
  o.data.mean = {0.4}, o.data.std = {0.3};
  return o;
}

inline ir::Graph graph_of(const Case& c) {
  ir::Graph net = zoo::build(c.net, {.in_channels = c.channels, .classes = 10, .height = c.size, .width = c.size});
  zoo::initialize(net, 3);
  if (!c.quantized) return net;
  ir::Graph placed = quant::place(net, {});
  for (ir::NodeId id : quant::activation_quantizers(placed)) {
    placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()[0] = 3.0f;
  }
  for (ir::NodeId id : quant::weight_quantizers(placed)) {
    for (float& range : placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()) range = 0.2f;
  }
  return placed;
}

// One step of the program on the host.
class HostRun {
 public:
  // exchange: of the ranks that train together.
  HostRun(const Case& c, Type type, const config::Options& options, Exchange* exchange = nullptr)
      : module_(graph_of(c), module_options(options)),
        target_{.kernels = twin_kernels(), .device = at::kCPU, .type = type},
        program_(module_.graph(), module_.parameters(), {},
                 {.module = module_options(options), .train = options.train, .exchange = exchange}, target_) {
    program_.leaves().load(module_.graph(), {}, {});
  }

  StepOutputs step(const data::Batch& batch, bool freeze_bn, int64_t index, int64_t all_images = 0) {
    const Shape& s = batch.images.shape();
    at::Tensor input = at::empty({s[0], s[3], s[1], s[2]}, target_.activation(), at::MemoryFormat::ChannelsLast);
    at::Tensor labels = at::empty({s[0]}, at::TensorOptions().dtype(at::kLong));
    std::copy(batch.labels.begin(), batch.labels.end(), labels.mutable_data_ptr<int64_t>());
    std::vector<float> table;
    for (const auto& row : data::normalization_table(s[3], {0.4}, {0.3}))
      table.insert(table.end(), row.begin(), row.end());
    twin_kernels().make_batch({.n = s[0],
                               .height = s[1],
                               .width = s[2],
                               .channels = s[3],
                               .out_height = s[1],
                               .out_width = s[2],
                               .out_channels = input.size(1),
                               .type = target_.type,
                               .images = batch.images.data<uint8_t>().data(),
                               .table = table.data(),
                               .y = input.mutable_data_ptr()},
                              nullptr);
    const StepScalars scalars = program_.updates().scalars(0.1, index + 1, index);
    program_.run({.input = input,
                  .labels = labels,
                  .scalars = &scalars,
                  .outputs = &outputs_,
                  .bn_frozen = freeze_bn,
                  .all_images = all_images});
    return outputs_;
  }

  Program& program() { return program_; }
  GraphModule& module() { return module_; }

  // Everything that a checkpoint would hold.
  const ir::Graph& stored() {
    OptimizerState optimizer;
    Averages average;
    program_.leaves().store(module_.graph(), optimizer, average);
    return module_.graph();
  }

 private:
  GraphModule module_;
  Target target_;
  Program program_;
  StepOutputs outputs_;
};

// |a - b| / |b|; b no longer than 1e-3 is as good as 0: a bias in front of a BatchNorm.
inline double apart(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / std::max(size, 1e-6));
}

}  // namespace qat::train::cuda
