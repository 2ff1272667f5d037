// Operators that move data and compute nothing.
#include <algorithm>

#include "io/onnx/import/extents.h"
#include "io/onnx/import/table.h"

namespace qat::onnxio {

namespace {

// Axes of Squeeze and Unsqueeze: an attribute before opset 13.
std::vector<int64_t> axes_of(Importer& in, const Node& node) {
  if (in.opset() >= 13 && node.has_input(1)) return in.integers(node, 1, "axes");
  return node.integers("axes", {});
}

}  // namespace

void import_concat(Importer& in, const Node& node) {
  std::vector<ir::ValueId> inputs;
  for (size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(in.value(node, i));
  if (inputs.empty()) fail(Code::kBadFile, node.label(), " expected inputs, got none");
  int64_t axis = node.integer("axis", 1);
  if (axis < 0) axis = normalize_axis(node, axis, in.rank(inputs[0]));
  in.set(node, in.add(ir::Op::kConcat, in.module(node), inputs, ir::AxisAttrs{.axis = axis}));
}

void import_flatten(Importer& in, const Node& node) {
  const ir::ValueId x = in.value(node, 0);
  int64_t axis = node.integer("axis", 1);
  const int64_t rank = in.rank(x);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank) fail(Code::kBadFile, node.label(), " expected an axis within ", rank, " dimensions");
  if (axis == 0) throw Unsupported{"joins the batch with other axes"};
  if (axis == 1 && rank == 2) return in.set(node, x);
  in.set(node, in.add(ir::Op::kFlatten, in.module(node), {x}, ir::AxisAttrs{.axis = axis}));
}

void import_reshape(Importer& in, const Node& node) {
  const ir::ValueId x = in.value(node, 0);
  const auto target = extents_of(in.slot(node, 1));
  if (!target) throw Unsupported{"has a shape that is not constant"};
  const std::vector<Symbol> from = shape_of(in, x);
  std::vector<Symbol> shape = target->items;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!shape[i].known()) continue;
    if (shape[i].value == -1) {
      shape[i] = Symbol::unknown();
    } else if (shape[i].value == 0 && node.integer("allowzero", 0) == 0) {
      if (i >= from.size()) fail(Code::kBadFile, node.label(), " keeps an extent that its input does not have");
      shape[i] = from[i];
    } else if (shape[i].value <= 0) {
      fail(Code::kBadFile, node.label(), " expected positive extents, 0 or -1, got ", shape[i].value);
    }
  }
  add_reshape(in, node, x, shape);
}

void import_squeeze(Importer& in, const Node& node) {
  const ir::ValueId x = in.value(node, 0);
  const std::vector<Symbol> from = shape_of(in, x);
  std::vector<int64_t> axes = axes_of(in, node);
  for (int64_t& axis : axes) axis = normalize_axis(node, axis, static_cast<int64_t>(from.size()));
  std::vector<Symbol> shape;
  for (size_t i = 0; i < from.size(); ++i) {
    const bool one = from[i].known() && from[i].value == 1;
    const bool named = std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end();
    if (named && !one) fail(Code::kBadFile, node.label(), " expected an extent of 1 on axis ", i);
    if (axes.empty() && !from[i].known()) throw Unsupported{"squeezes whatever is 1; give it axes"};
    if (named || (axes.empty() && one)) continue;
    shape.push_back(from[i]);
  }
  add_reshape(in, node, x, shape);
}

void import_unsqueeze(Importer& in, const Node& node) {
  const ir::ValueId x = in.value(node, 0);
  std::vector<Symbol> shape = shape_of(in, x);
  std::vector<int64_t> axes = axes_of(in, node);
  const auto rank = static_cast<int64_t>(shape.size() + axes.size());
  for (int64_t& axis : axes) axis = normalize_axis(node, axis, rank);
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end())
    fail(Code::kBadFile, node.label(), " repeats an axis");
  for (const int64_t axis : axes) shape.insert(shape.begin() + axis, Symbol::number(1));
  add_reshape(in, node, x, shape);
}

void import_transpose(Importer& in, const Node& node) {
  const ir::ValueId x = in.value(node, 0);
  const int64_t rank = in.rank(x);
  std::vector<int64_t> order = node.integers("perm", {});
  if (order.empty()) {
    for (int64_t axis = rank; axis > 0; --axis) order.push_back(axis - 1);
  }
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t axis = 0; axis < rank || axis < static_cast<int64_t>(sorted.size()); ++axis) {
    if (static_cast<int64_t>(sorted.size()) != rank || sorted[axis] != axis) {
      fail(Code::kBadFile, node.label(), " expected a permutation of ", rank, " axes, got ", join(order, ","));
    }
  }
  in.set(node, in.add(ir::Op::kTranspose, in.module(node), {x}, ir::ListAttrs{.values = order}));
}

namespace {

// Pads of all axes: begins, then ends. Opset 18 may name some axes only.
std::vector<int64_t> pads_of(Importer& in, const Node& node, int64_t rank) {
  const auto given = in.opset() >= 11 ? in.integers(node, 1, "the pads") : node.integers("pads", {});
  std::vector<int64_t> axes;
  if (in.opset() >= 18 && node.has_input(3)) axes = in.integers(node, 3, "the axes");
  if (axes.empty()) {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  if (given.size() != 2 * axes.size()) {
    fail(Code::kBadFile, node.label(), " expected ", 2 * axes.size(), " pads, got ", given.size());
  }
  std::vector<int64_t> pads(static_cast<size_t>(2 * rank));
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = normalize_axis(node, axes[i], rank);
    pads[axis] = given[i];
    pads[axis + rank] = given[i + axes.size()];
  }
  for (const int64_t pad : pads) {
    if (pad < 0 || pad > (1 << 20)) fail(Code::kBadFile, node.label(), " expected pads of 0 to 2^20, got ", pad);
  }
  return pads;
}

}  // namespace

void import_pad(Importer& in, const Node& node) {
  const std::string mode = node.text("mode", "constant");
  if (mode != "constant") throw Unsupported{cat("has mode ", mode)};
  const ir::ValueId x = in.value(node, 0);
  const auto pads = pads_of(in, node, in.rank(x));
  float value = node.real("value", 0.0f);
  if (in.opset() >= 11 && node.has_input(2)) {
    const auto values = in.floats(node, 2, "the value");
    if (!values.empty()) value = values[0];
  }
  if (std::all_of(pads.begin(), pads.end(), [](int64_t pad) { return pad == 0; })) return in.set(node, x);
  const ir::ListAttrs attrs{.values = pads, .value = value};
  in.set(node, in.add(ir::Op::kPad, in.module(node), {x}, attrs));
}

}  // namespace qat::onnxio
