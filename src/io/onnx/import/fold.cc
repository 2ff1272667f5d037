// Constant folding: shape arithmetic with symbols for what only run time knows, and small float arithmetic.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/checked.h"
#include "io/onnx/import/extents.h"
#include "io/onnx/import/table.h"

namespace qat::onnxio {

namespace {

bool set_extents(Importer& in, const Node& node, Extents extents) {
  if (extents.items.size() > kMaxExtents) throw Unsupported{"makes a list of too many extents"};
  in.set(node, slot_of(std::move(extents), node.outputs.at(0)));
  return true;
}

bool is_activation(Importer& in, const Node& node, size_t input) {
  return std::holds_alternative<ir::ValueId>(in.slot(node, input)) ||
         std::holds_alternative<Quantized>(in.slot(node, input));
}

// Python's slicing of one axis: begin and end may be negative or too large.
int64_t clamp_index(int64_t index, int64_t size) {
  return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
}

// Slices of a tensor along an axis, by index.
Tensor take(Importer& in, const Tensor& data, size_t axis, const std::vector<int64_t>& indices) {
  Shape shape = data.shape();
  int64_t outer = 1;
  size_t inner = size_of(data.type());
  for (size_t i = 0; i < axis; ++i) outer *= shape[i];
  for (size_t i = axis + 1; i < shape.size(); ++i) inner *= static_cast<size_t>(shape[i]);
  in.charge(static_cast<size_t>(outer) * indices.size() * inner);
  const int64_t rows = std::exchange(shape[axis], static_cast<int64_t>(indices.size()));
  Tensor out(data.type(), shape);
  const auto* from = static_cast<const char*>(data.raw());
  auto* to = static_cast<char*>(out.raw());
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t i : indices) to = std::copy_n(from + static_cast<size_t>(o * rows + i) * inner, inner, to);
  }
  return out;
}

bool fold_shape(Importer& in, const Node& node) {
  const auto* id = std::get_if<ir::ValueId>(&in.slot(node, 0));
  Extents all;
  if (id != nullptr) {
    all.items = shape_of(in, *id);
  } else if (const Known* known = in.known(node, 0)) {
    for (const int64_t extent : known->data.shape()) all.items.push_back(Symbol::number(extent));
  } else {
    return false;
  }
  const auto size = static_cast<int64_t>(all.items.size());
  const int64_t begin = clamp_index(node.integer("start", 0), size), end = clamp_index(node.integer("end", size), size);
  Extents part;
  for (int64_t i = begin; i < end; ++i) part.items.push_back(all.items[i]);
  return set_extents(in, node, part);
}

bool fold_gather(Importer& in, const Node& node) {
  const auto data = extents_of(in.slot(node, 0));
  const auto index = extents_of(in.slot(node, 1));
  if (!data || !index || data->scalar) return false;
  Extents out{.scalar = index->scalar};
  for (const Symbol& at : index->items) {
    if (!at.known()) return false;
    out.items.push_back(data->items[normalize_axis(node, at.value, static_cast<int64_t>(data->items.size()))]);
  }
  return set_extents(in, node, out);
}

// Which indices of an axis `start:end:step` takes, as Python has it.
std::vector<int64_t> slice_indices(const Node& node, int64_t start, int64_t end, int64_t step, int64_t size) {
  if (step == 0) fail(Code::kBadFile, node.label(), " expected a step other than 0");
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto bound = [&](int64_t i) { return std::clamp(i < 0 ? i + size : i, low, high); };
  std::vector<int64_t> indices;
  // An end of "before the first" is written as a large negative number, which + size leaves below -1.
  for (int64_t i = bound(start); step > 0 ? i < bound(end) : i > bound(end); i += step) {
    indices.push_back(i);
    if (step > size || step < -size) break;
  }
  return indices;
}

// Along one axis.
bool fold_slice(Importer& in, const Node& node) {
  const bool inputs = in.opset() >= 10;
  const auto list = [&](size_t input, const char* key, std::vector<int64_t> fallback) {
    if (!inputs) return node.integers(key, std::move(fallback));
    return node.has_input(input) ? in.integers(node, input, key) : fallback;
  };
  const auto start = list(1, "starts", {}), end = list(2, "ends", {}), axes = list(3, "axes", {0}),
             step = list(4, "steps", {1});
  if (start.size() != 1 || end.size() != 1 || axes.size() != 1 || step.size() != 1) return false;
  if (const auto data = extents_of(in.slot(node, 0))) {
    Extents out;
    const auto size = static_cast<int64_t>(data->items.size());
    for (const int64_t i : slice_indices(node, start[0], end[0], step[0], size)) out.items.push_back(data->items[i]);
    return set_extents(in, node, out);
  }
  const Known* known = in.known(node, 0);
  if (known == nullptr || known->grid || known->data.shape().empty()) return false;
  const Shape& shape = known->data.shape();
  const auto axis = static_cast<size_t>(normalize_axis(node, axes[0], static_cast<int64_t>(shape.size())));
  const auto indices = slice_indices(node, start[0], end[0], step[0], shape[axis]);
  in.set(node, Known{.data = take(in, known->data, axis, indices), .name = node.outputs.at(0)});
  return true;
}

bool fold_concat(Importer& in, const Node& node) {
  Extents out;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const auto part = extents_of(in.slot(node, i));
    if (!part || part->scalar) return false;
    out.items.insert(out.items.end(), part->items.begin(), part->items.end());
  }
  return set_extents(in, node, out);
}

// A list of extents stays one whether it is a scalar or a vector of one.
bool fold_rank(Importer& in, const Node& node) {
  auto data = extents_of(in.slot(node, 0));
  if (!data || data->items.size() != 1) return false;
  data->scalar = node.op == "Squeeze";
  return set_extents(in, node, *data);
}

std::optional<DType> cast_type(int64_t to) {
  switch (to) {  // TensorProto's element types
    case 1:
      return DType::kF32;
    case 2:
      return DType::kU8;
    case 3:
      return DType::kI8;
    case 6:
      return DType::kI32;
    case 7:
      return DType::kI64;
    case 11:
      return DType::kF64;
    default:
      return std::nullopt;
  }
}

// Of constants, but not from numbers with a fraction to integers.
bool fold_cast(Importer& in, const Node& node) {
  const auto type = cast_type(node.integer("to", 0));
  if (const Known* known = in.known(node, 0); known != nullptr && type && !known->grid) {
    if (is_float(known->data.type()) && !is_float(*type)) return false;
    in.charge(static_cast<size_t>(known->data.size()) * size_of(*type));
    in.set(node, Known{.data = known->data.to(*type), .name = node.outputs.at(0)});
    return true;
  }
  const auto data = extents_of(in.slot(node, 0));
  return data && (type == DType::kI64 || type == DType::kI32) && set_extents(in, node, *data);
}

Symbol combine(const Node& node, const Symbol& a, const Symbol& b) {
  if (node.op == "Mul" && a == Symbol::number(1)) return b;
  if ((node.op == "Mul" || node.op == "Div") && b == Symbol::number(1)) return a;
  if (!a.known() || !b.known()) return Symbol::unknown();
  const int64_t x = a.value, y = b.value;
  if (node.op == "Add") return Symbol::number(checked_add(x, y, "shape arithmetic"));
  if (node.op == "Sub") return Symbol::number(checked_add(x, checked_mul<int64_t>(y, -1, "shape"), "shape arithmetic"));
  if (node.op == "Mul") return Symbol::number(checked_mul(x, y, "shape arithmetic"));
  if (y <= 0 || x < 0) fail(Code::kBadFile, node.label(), " divides ", x, " by ", y, " in shape arithmetic");
  return Symbol::number(x / y);
}

float combine(const Node& node, float a, float b) {
  if (node.op == "Add") return a + b;
  if (node.op == "Sub") return a - b;
  if (node.op == "Mul") return a * b;
  return a / b;
}

// Of equal shapes, or one of them a single number.
bool fold_float_binary(Importer& in, const Node& node) {
  const Known *a = in.known(node, 0), *b = in.known(node, 1);
  if (a == nullptr || b == nullptr || a->grid || b->grid) return false;
  if (a->data.type() != DType::kF32 || b->data.type() != DType::kF32) return false;
  const int64_t na = a->data.size(), nb = b->data.size();
  if (a->data.shape() != b->data.shape() && na != 1 && nb != 1) return false;
  const Known& shaped = nb == 1 ? *a : *b;
  in.charge(shaped.data.bytes());
  Tensor out(DType::kF32, shaped.data.shape());
  for (int64_t i = 0; i < out.size(); ++i) {
    out.data<float>()[i] =
        combine(node, a->data.data<float>()[na == 1 ? 0 : i], b->data.data<float>()[nb == 1 ? 0 : i]);
  }
  in.set(node, Known{.data = out, .name = node.outputs.at(0)});
  return true;
}

bool fold_binary(Importer& in, const Node& node) {
  if (fold_float_binary(in, node)) return true;
  const auto a = extents_of(in.slot(node, 0)), b = extents_of(in.slot(node, 1));
  if (!a || !b || a->items.empty() || b->items.empty()) return false;
  const size_t size = std::max(a->items.size(), b->items.size());
  Extents out{.scalar = a->scalar && b->scalar};
  for (size_t i = 0; i < size; ++i) {
    if ((a->items.size() != 1 && i >= a->items.size()) || (b->items.size() != 1 && i >= b->items.size())) return false;
    out.items.push_back(combine(node, a->items[a->items.size() == 1 ? 0 : i], b->items[b->items.size() == 1 ? 0 : i]));
  }
  return set_extents(in, node, out);
}

bool fold_float_unary(Importer& in, const Node& node) {
  const Known* x = in.known(node, 0);
  if (x == nullptr || x->grid || x->data.type() != DType::kF32) return false;
  in.charge(x->data.bytes());
  Tensor out = x->data.clone();
  for (float& v : out.data<float>()) v = node.op == "Sqrt" ? std::sqrt(v) : (node.op == "Neg" ? -v : 1.0f / v);
  in.set(node, Known{.data = out, .name = node.outputs.at(0)});
  return true;
}

// A weight stored the other way round ("Transpose -> MatMul"), or pads put into ONNX's order by torch.
bool fold_transpose(Importer& in, const Node& node) {
  const Known* x = in.known(node, 0);
  if (x == nullptr || x->data.shape().size() != 2) return false;
  if (node.integers("perm", {1, 0}) != std::vector<int64_t>{1, 0}) return false;
  in.charge(x->data.bytes());
  Known out{.data = transposed(x->data), .name = x->name, .grid = x->grid};
  if (out.grid && out.grid->axis >= 0) out.grid->axis = 1 - out.grid->axis;
  in.set(node, out);
  return true;
}

// A constant in another shape; only extents that it says itself.
bool fold_reshape(Importer& in, const Node& node) {
  const Known* x = in.known(node, 0);
  const Known* target = in.known(node, 1);
  if (x == nullptr || target == nullptr || x->grid) return false;
  Shape shape = in.integers(node, 1, "the shape");
  int64_t product = 1;
  int64_t* open = nullptr;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0 && i < x->data.shape().size()) shape[i] = x->data.dim(i);
    if (shape[i] == -1 && open == nullptr) {
      open = &shape[i];
    } else if (shape[i] <= 0) {
      return false;
    } else {
      product = checked_mul(product, shape[i], "shape");
    }
  }
  if (open != nullptr) *open = x->data.size() / product;
  if (count(shape) != x->data.size()) fail(Code::kBadFile, node.label(), " does not fit ", to_string(x->data.shape()));
  in.set(node, Known{.data = x->data.reshaped(shape), .name = x->name});
  return true;
}

struct Entry {
  std::string_view op;
  bool (*fold)(Importer&, const Node&);
};

constexpr Entry kFolds[] = {
    {"Shape", fold_shape},
    {"Gather", fold_gather},
    {"Slice", fold_slice},
    {"Concat", fold_concat},
    {"Squeeze", fold_rank},
    {"Unsqueeze", fold_rank},
    {"Cast", fold_cast},
    {"Add", fold_binary},
    {"Sub", fold_binary},
    {"Mul", fold_binary},
    {"Div", fold_binary},
    {"Sqrt", fold_float_unary},
    {"Neg", fold_float_unary},
    {"Reciprocal", fold_float_unary},
    {"Transpose", fold_transpose},
    {"Reshape", fold_reshape},
    {"ConstantOfShape", fold_fill},
};

}  // namespace

bool fold(Importer& in, const Node& node) {
  if (node.inputs.empty() || (node.op != "Shape" && is_activation(in, node, 0))) return false;
  const auto* found =
      std::find_if(std::begin(kFolds), std::end(kFolds), [&](const Entry& e) { return e.op == node.op; });
  return found != std::end(kFolds) && found->fold(in, node);
}

}  // namespace qat::onnxio
