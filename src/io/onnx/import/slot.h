// What a name of a model file stands for while the file is being read.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tensor.h"
#include "ir/graph.h"

namespace qat::onnxio {

// Parameters of a QuantizeLinear / DequantizeLinear: x = (q - zero) scale, lo <= q <= hi.
struct Grid {
  std::vector<float> scale;  // one, or one per channel of axis
  std::vector<float> zero;   // the same size
  int axis = -1;             // -1: per tensor
  int lo = -128, hi = 127;
  std::string name;  // of the scale in the file

  bool same(const Grid& other) const {
    return scale == other.scale && zero == other.zero && axis == other.axis && lo == other.lo && hi == other.hi;
  }
};

// A tensor known at import. Becomes a parameter or buffer only where an operator needs it as one.
struct Known {
  Tensor data;
  std::string name;          // of the value in the file
  std::optional<Grid> grid;  // went through DequantizeLinear: gets a FakeQuant
};

// An extent: a number, or that of an activation's axis, or anything.
struct Symbol {
  int64_t value = 0;
  ir::ValueId source = ir::kNone;
  int axis = 0;
  bool is_unknown = false;

  bool known() const { return source == ir::kNone && !is_unknown; }
  static Symbol number(int64_t value) { return {.value = value}; }
  static Symbol of(ir::ValueId source, int axis) { return {.source = source, .axis = axis}; }
  static Symbol unknown() { return {.is_unknown = true}; }
  bool operator==(const Symbol& other) const {
    return value == other.value && source == other.source && axis == other.axis && !is_unknown && !other.is_unknown;
  }
};

// A shape computed from activations' shapes: what Shape, Gather, Concat, ... of exporters give.
struct Extents {
  std::vector<Symbol> items;
  bool scalar = false;  // of rank 0
};

// Between QuantizeLinear and DequantizeLinear.
struct Quantized {
  std::variant<ir::ValueId, Known> source;
  Grid grid;
  DType type = DType::kI8;
};

// An unsupported operator's output: its readers are skipped, not reported again.
struct Poison {};

using Slot = std::variant<Poison, ir::ValueId, Known, Extents, Quantized>;

}  // namespace qat::onnxio
