// Shape functions of elementwise operators, joins and views.
#include <algorithm>

#include "base/checked.h"
#include "ir/op_table.h"
#include "ir/shape_functions.h"

namespace qat::ir {

size_t resolve_axis(const Node& node, int64_t axis, size_t rank) {
  const auto n = static_cast<int64_t>(rank);
  if (axis < -n || axis >= n)
    fail(Code::kBadFile, place(node), " expected an axis in [", -n, ", ", n - 1, "], got ", axis);
  return static_cast<size_t>(axis < 0 ? axis + n : axis);
}

namespace {

// Views keep their input's type: lowered graphs send int8-coded values through them.
DType type_of(const ShapeContext& c) { return c.graph.value(c.node.inputs[0]).type; }

}  // namespace

Inferred same_shape(const ShapeContext& c) {
  if (c.node.op == Op::kSoftmax) resolve_axis(c.node, c.node.as<AxisAttrs>().axis, c.inputs[0].size());
  return {c.inputs[0], type_of(c)};
}

Inferred broadcast_shape(const ShapeContext& c) {
  const Dims &a = c.inputs[0], &b = c.inputs[1];
  Dims y(std::max(a.size(), b.size()));
  for (size_t i = 0; i < y.size(); ++i) {  // counted from the last axis
    const int64_t p = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t q = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (p != q && p != 1 && q != 1 && p != kDynamic && q != kDynamic)
      fail(Code::kBadFile, place(c.node), " cannot broadcast ", to_text(a), " with ", to_text(b));
    // A dynamic extent against one over 1 must equal it.
    y[y.size() - 1 - i] = p == 1 ? q : (q == 1 || q == kDynamic ? p : q);
  }
  return {y};
}

Inferred concat_shape(const ShapeContext& c) {
  Dims y = c.inputs[0];
  const size_t axis = resolve_axis(c.node, c.node.as<AxisAttrs>().axis, y.size());
  for (size_t i = 1; i < c.inputs.size(); ++i) {
    const Dims& x = c.inputs[i];
    bool fits = x.size() == y.size();
    for (size_t d = 0; fits && d < y.size(); ++d) {
      if (d == axis) continue;
      fits = x[d] == y[d] || x[d] == kDynamic || y[d] == kDynamic;
      if (y[d] == kDynamic) y[d] = x[d];
    }
    if (!fits)
      fail(Code::kBadFile, place(c.node), " cannot join ", to_text(x), " to ", to_text(c.inputs[0]), " on axis ", axis);
    const bool dynamic = x[axis] == kDynamic || y[axis] == kDynamic;
    y[axis] = dynamic ? kDynamic : checked_add(y[axis], x[axis], "concat");
  }
  return {y, type_of(c)};
}

Inferred flatten_shape(const ShapeContext& c) {
  const Dims& x = c.inputs[0];
  const int64_t given = c.node.as<AxisAttrs>().axis;
  const auto rank = static_cast<int64_t>(x.size());
  const size_t axis = given == rank ? x.size() : resolve_axis(c.node, given, x.size());
  Dims y{1, 1};
  for (size_t d = 0; d < x.size(); ++d) {
    int64_t& extent = y[d < axis ? 0 : 1];
    extent = extent == kDynamic || x[d] == kDynamic ? kDynamic : checked_mul(extent, x[d], "flatten");
  }
  return {y, type_of(c)};
}

Inferred reshape_shape(const ShapeContext& c) {
  const Dims& x = c.inputs[0];
  Dims y = c.node.as<ListAttrs>().values;
  // Extents that 0 copies stand on both sides and cancel, so that a dynamic batch does not hide the rest.
  int64_t rest = 1, given = 1;
  size_t infer = y.size();
  for (size_t d = 0; d < std::max(x.size(), y.size()); ++d) {
    const bool copied = d < y.size() && y[d] == 0;
    if (copied && d >= x.size()) fail(Code::kBadFile, place(c.node), " keeps extent ", d, " of ", to_text(x));
    if (d < x.size() && !copied)
      rest = rest == kDynamic || x[d] == kDynamic ? kDynamic : checked_mul(rest, x[d], "reshape");
    if (d >= y.size()) continue;
    if (copied) {
      y[d] = x[d];
    } else if (y[d] == -1 && infer == y.size()) {
      infer = d;
    } else if (y[d] > 0) {
      given = checked_mul(given, y[d], "reshape");
    } else {
      fail(Code::kBadFile, place(c.node), " expected extents over 0, one -1 and 0 to keep, got ", to_text(y));
    }
  }
  const bool divides = rest == kDynamic || (infer < y.size() ? rest % given == 0 : rest == given);
  if (!divides) fail(Code::kBadFile, place(c.node), " cannot give ", to_text(x), " the shape ", to_text(y));
  if (infer < y.size()) y[infer] = rest == kDynamic ? kDynamic : rest / given;
  return {y, type_of(c)};
}

Inferred transpose_shape(const ShapeContext& c) {
  const Dims& x = c.inputs[0];
  const auto& order = c.node.as<ListAttrs>().values;
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  bool valid = order.size() == x.size();
  for (size_t d = 0; valid && d < sorted.size(); ++d) valid = sorted[d] == static_cast<int64_t>(d);
  if (!valid)
    fail(Code::kBadFile, place(c.node), " expected a permutation of ", x.size(), " axes, got ", join(order, ","));
  Dims y;
  for (const int64_t d : order) y.push_back(x[static_cast<size_t>(d)]);
  return {y, type_of(c)};
}

Inferred pad_shape(const ShapeContext& c) {
  Dims y = c.inputs[0];
  const auto& pads = c.node.as<ListAttrs>().values;
  if (pads.size() != 2 * y.size())
    fail(Code::kBadFile, place(c.node), " expected ", 2 * y.size(), " pads, got ", pads.size());
  for (size_t d = 0; d < y.size(); ++d) {
    if (y[d] == kDynamic) continue;
    y[d] = checked_add(checked_add(y[d], pads[d], "pad"), pads[y.size() + d], "pad");
  }
  return {y, type_of(c)};
}

Inferred reduce_mean_shape(const ShapeContext& c) {
  const Dims& x = c.inputs[0];
  const auto& a = c.node.as<ListAttrs>();
  std::vector<bool> reduced(x.size(), a.values.empty());
  for (const int64_t axis : a.values) reduced[resolve_axis(c.node, axis, x.size())] = true;
  Dims y;
  for (size_t d = 0; d < x.size(); ++d) {
    if (!reduced[d]) {
      y.push_back(x[d]);
    } else if (a.keep_dims) {
      y.push_back(1);
    }
  }
  return {y};
}

}  // namespace qat::ir
