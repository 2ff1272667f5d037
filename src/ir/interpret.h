// The reference interpreter: the oracle that every kernel, importer and pass is tested against. Slow and plain on
// purpose.
#pragma once

#include <map>
#include <vector>

#include "ir/graph.h"

namespace qat::ir {

struct InterpretResult {
  std::vector<Tensor> outputs;            // in the order of graph.outputs
  std::map<ValueId, Tensor> activations;  // all of them when keep_all
};

// inputs: one tensor per graph input, concrete shapes. Float operators accumulate in double and round once to f32. A
// Conv or Gemm whose input and weight are both FakeQuant sums integers exactly. Lowered operators follow base/qmath.h
// bit for bit; int8-coded values are i32 tensors holding q.
struct InterpretOptions {
  bool keep_all = false;
  int threads = 0;  // rows are independent: any number gives the same bits
};
InterpretResult interpret(const Graph& graph, const std::vector<Tensor>& inputs, InterpretOptions options = {});

}  // namespace qat::ir
