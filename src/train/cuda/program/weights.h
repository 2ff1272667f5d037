// The copies of weights that layers compute with: converted, fake-quantized and put channels last, all in one launch.
#pragma once

#include <vector>

#include "train/cuda/program/leaves.h"
#include "train/cuda/program/tape.h"
#include "train/ranges.h"

namespace qat::train::cuda {

// A copy stands for the output of a weight's FakeQuant, or for a leaf that a layer reads as it is.
class Weights {
 public:
  // read: the values with data that steps take from the tape. Throws Error(kBadFile) where one leaf has two quantizers
  // or one with a zero point. leaves outlive it.
  Weights(ir::Graph& graph, const Leaves& leaves, const std::vector<ir::ValueId>& read, WeightRangeMode ranges,
          const Target& target);

  // Fills the copies and puts them on the tape.
  void quantize(const Target& target, Tape& tape) const;

  // The copies in the order in which steps read them.
  std::vector<ir::ValueId> values() const;
  // The leaf of a copy, and its range's where it has one.
  std::vector<ir::ValueId> leaves_of(size_t copy) const;

  // Takes the gradients of copies [first, end) from the tape and writes those of the leaves. While a CUDA graph is
  // captured nothing can be copied to the device: the kernel then reads `captured`, an empty_table() that publish()
  // fills after the capture and that stays with the graph. Undefined: an ordinary run.
  struct Part {
    size_t first = 0, end = 0;
  };
  Part all() const { return {0, copies_.size()}; }
  void gradients(const Target& target, Tape& tape, Part part, const at::Tensor& captured);
  at::Tensor empty_table() const { return at::empty_like(device_table_); }
  void publish(at::Tensor table) const;

 private:
  struct Copy {
    ir::ValueId value = ir::kNone, leaf = ir::kNone;  // on the tape, in the graph
    ir::ValueId range = ir::kNone;
    at::Tensor tensor;
  };
  void add(ir::Graph& graph, const Leaves& leaves, ir::ValueId id, WeightRangeMode ranges);
  void add_quantizer(ir::Graph& graph, const Leaves& leaves, const ir::Node& node, WeightRangeMode ranges);
  void allocate(const ir::Graph& graph, const Target& target);
  WeightsArgs args(const Target& target, const at::Tensor& table, Part part) const;

  std::vector<Copy> copies_;
  std::vector<Weight> table_;
  at::Tensor buffer_, masks_;         // of the copies
  at::Tensor device_table_, chunks_;  // what kernels read
  at::Device device_;
  std::vector<int64_t> first_chunk_;  // of each copy, and of one past the last
};

}  // namespace qat::train::cuda
