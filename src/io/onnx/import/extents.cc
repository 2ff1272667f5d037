// From symbolic shapes to Reshape's own code: 0 keeps an extent, -1 is what is left.
#include "io/onnx/import/extents.h"

#include <algorithm>

#include "base/checked.h"

namespace qat::onnxio {

std::optional<Extents> extents_of(const Slot& slot) {
  if (const auto* extents = std::get_if<Extents>(&slot)) return *extents;
  const auto* known = std::get_if<Known>(&slot);
  if (known == nullptr || known->data.shape().size() > 1) return std::nullopt;
  if (known->data.size() > static_cast<int64_t>(kMaxExtents)) return std::nullopt;
  if (known->data.type() != DType::kI64 && known->data.type() != DType::kI32) return std::nullopt;
  Extents out{.scalar = known->data.shape().empty()};
  const Tensor wide = known->data.to(DType::kI64);
  for (const int64_t value : wide.data<int64_t>()) out.items.push_back(Symbol::number(value));
  return out;
}

Slot slot_of(Extents extents, const std::string& name) {
  std::vector<int64_t> values;
  for (const Symbol& item : extents.items) {
    if (!item.known()) return extents;
    values.push_back(item.value);
  }
  const Shape shape = extents.scalar ? Shape{} : Shape{static_cast<int64_t>(values.size())};
  return Known{.data = Tensor::from(values, shape), .name = name};
}

std::vector<Symbol> shape_of(Importer& in, ir::ValueId value) {
  const ir::Dims dims = in.dims(value);
  std::vector<Symbol> shape;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] != ir::kDynamic) {
      shape.push_back(Symbol::number(dims[axis]));
    } else if (axis == 0 && in.is_batch(value)) {
      shape.push_back(Symbol::of(in.graph.inputs[0], 0));
    } else {
      shape.push_back(Symbol::of(value, static_cast<int>(axis)));
    }
  }
  return shape;
}

namespace {

// The product of extents 1, 2, ... when all are numbers; -1 otherwise.
int64_t inner_product(const std::vector<Symbol>& shape) {
  int64_t product = 1;
  for (size_t i = 1; i < shape.size(); ++i) {
    if (!shape[i].known()) return -1;
    product = checked_mul(product, shape[i].value, "inner extents");
  }
  return product;
}

// Whether [first, second] only joins the axes behind the batch.
bool is_flatten(const std::vector<Symbol>& from, const std::vector<int64_t>& to) {
  if (to.size() != 2 || from.size() < 2) return false;
  const int64_t inner = inner_product(from);
  if (to[0] == 0) return to[1] == -1 || to[1] == inner;
  return to[0] == -1 && to[1] == inner && inner > 0;
}

}  // namespace

void add_reshape(Importer& in, const Node& node, ir::ValueId x, const std::vector<Symbol>& shape) {
  const std::vector<Symbol> from = shape_of(in, x);
  std::vector<int64_t> values;
  for (size_t i = 0; i < shape.size(); ++i) {
    // A literal batch of the file becomes "keep": the same graph then takes any batch.
    const bool keep = i < from.size() && shape[i] == from[i] && (shape[i].source != ir::kNone || i == 0);
    values.push_back(keep ? 0 : (shape[i].known() ? shape[i].value : -1));
  }
  if (std::count(values.begin(), values.end(), -1) > 1) {
    throw Unsupported{"computes more than one extent from the shapes of activations"};
  }
  if (shape == from || (is_flatten(from, values) && from.size() == 2)) return in.set(node, x);
  if (is_flatten(from, values)) {
    return in.set(node, in.add(ir::Op::kFlatten, in.module(node), {x}, ir::AxisAttrs{.axis = 1}));
  }
  in.set(node, in.add(ir::Op::kReshape, in.module(node), {x}, ir::ListAttrs{.values = values}));
}

}  // namespace qat::onnxio
