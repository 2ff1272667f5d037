// Views and joins of the reference interpreter; they move elements of any type and change none.
#include <cstring>

#include "ir/evaluate.h"
#include "ir/op_table.h"
#include "ir/shape_functions.h"

namespace qat::ir {

namespace {

std::byte* bytes(Tensor& t) { return static_cast<std::byte*>(t.raw()); }
const std::byte* bytes(const Tensor& t) { return static_cast<const std::byte*>(t.raw()); }

// Calls copy(position in y, index along each axis) for every element of y, in order.
template <class Copy>
void each_index(const Shape& shape, const Copy& copy) {
  std::vector<int64_t> index(shape.size(), 0);
  const int64_t size = count(shape);
  for (int64_t i = 0; i < size; ++i) {
    copy(i, index);
    for (size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
}

}  // namespace

void eval_copy(EvalContext& c) { std::memcpy(c.output.raw(), c.inputs[0]->raw(), c.output.bytes()); }

void eval_concat(EvalContext& c) {
  const Shape& shape = c.output.shape();
  const size_t axis = resolve_axis(c.node, c.node.as<AxisAttrs>().axis, shape.size());
  size_t inner = size_of(c.output.type());
  int64_t outer = 1;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (d < axis) outer *= shape[d];
    if (d > axis) inner *= static_cast<size_t>(shape[d]);
  }
  std::byte* y = bytes(c.output);
  for (int64_t o = 0; o < outer; ++o) {
    for (const Tensor* x : c.inputs) {
      const size_t chunk = static_cast<size_t>(x->dim(axis)) * inner;
      std::memcpy(y, bytes(*x) + static_cast<size_t>(o) * chunk, chunk);
      y += chunk;
    }
  }
}

void eval_transpose(EvalContext& c) {
  const auto& order = c.node.as<ListAttrs>().values;
  const Shape& x = c.inputs[0]->shape();
  std::vector<int64_t> strides(x.size(), 1);
  for (size_t d = x.size(); d-- > 1;) strides[d - 1] = strides[d] * x[d];
  const size_t size = size_of(c.output.type());
  each_index(c.output.shape(), [&](int64_t i, const std::vector<int64_t>& index) {
    int64_t at = 0;
    for (size_t d = 0; d < order.size(); ++d) at += index[d] * strides[static_cast<size_t>(order[d])];
    std::memcpy(bytes(c.output) + static_cast<size_t>(i) * size, bytes(*c.inputs[0]) + static_cast<size_t>(at) * size,
                size);
  });
}

// Negative pads crop.
void eval_pad(EvalContext& c) {
  const auto& a = c.node.as<ListAttrs>();
  if (c.output.type() != DType::kF32) fail(Code::kBadFile, place(c.node), " pads f32 only");
  const Shape& x = c.inputs[0]->shape();
  const auto from = c.f32(0);
  const auto to = c.output.data<float>();
  each_index(c.output.shape(), [&](int64_t i, const std::vector<int64_t>& index) {
    int64_t at = 0;
    bool inside = true;
    for (size_t d = 0; d < x.size(); ++d) {
      const int64_t source = index[d] - a.values[d];
      inside = inside && source >= 0 && source < x[d];
      at = at * x[d] + source;
    }
    to[static_cast<size_t>(i)] = inside ? from[static_cast<size_t>(at)] : a.value;
  });
}

}  // namespace qat::ir
