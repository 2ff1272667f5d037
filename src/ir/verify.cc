// Structural verification of graphs: order, names, inputs, attributes, data and ranges.
#include "ir/verify.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "ir/op_table.h"
#include "ir/quant_range.h"

namespace qat::ir {

namespace {

void verify_id(const Graph& graph, ValueId id, const std::string& where) {
  if (id < 0 || static_cast<size_t>(id) >= graph.values.size())
    fail(Code::kBadFile, where, " refers to value ", id, " of ", graph.values.size());
}

void verify_positive(const Node& node, std::span<const int64_t> values, const char* what) {
  for (const int64_t v : values) {
    if (v <= 0) fail(Code::kBadFile, place(node), " expected a ", what, " over 0, got ", v);
  }
}

void verify_not_negative(const Node& node, std::span<const int64_t> values, const char* what) {
  for (const int64_t v : values) {
    if (v < 0) fail(Code::kBadFile, place(node), " expected ", what, " of 0 or more, got ", v);
  }
}

void verify_conv(const Node& node, const ConvAttrs& a) {
  verify_positive(node, a.stride, "stride");
  verify_positive(node, a.dilation, "dilation");
  verify_positive(node, {&a.groups, 1}, "number of groups");
  verify_not_negative(node, a.pads, "pads");
  verify_not_negative(node, a.output_padding, "output padding");
}

void verify_pool(const Node& node, const PoolAttrs& a) {
  verify_positive(node, a.kernel, "kernel");
  verify_positive(node, a.stride, "stride");
  verify_positive(node, a.dilation, "dilation");
  verify_not_negative(node, a.pads, "pads");
  for (size_t d = 0; d < 2; ++d) {  // a window that lies in the padding has no value
    if (a.pads[d] >= a.kernel[d] || a.pads[2 + d] >= a.kernel[d])
      fail(Code::kBadFile, place(node), " expected pads below the kernel ", a.kernel[d], ", got ", a.pads[d], " and ",
           a.pads[2 + d]);
  }
}

void verify_fake_quant(const Graph& graph, const Node& node, const FakeQuantAttrs& a) {
  if (a.lo >= a.hi || a.lo < -128 || a.hi > 255 || a.hi - a.lo > 255)
    fail(Code::kBadFile, place(node), " expected bounds of 8 bits, got [", a.lo, ", ", a.hi, "]");
  quant_range(graph, node);
}

void verify_attrs(const Graph& graph, const Node& node) {
  if (node.attrs.index() != info(node.op).attrs)
    fail(Code::kBadFile, place(node), " has attributes of another operator");
  if (const auto* conv = std::get_if<ConvAttrs>(&node.attrs)) verify_conv(node, *conv);
  if (const auto* fused = std::get_if<FusedConvAttrs>(&node.attrs)) verify_conv(node, fused->conv);
  if (const auto* pool = std::get_if<PoolAttrs>(&node.attrs)) verify_pool(node, *pool);
  if (const auto* pool = std::get_if<QPoolAttrs>(&node.attrs); pool != nullptr && node.op == Op::kQAvgPool)
    verify_pool(node, pool->pool);
  if (const auto* clip = std::get_if<ClipAttrs>(&node.attrs)) {
    if (!(clip->lo <= clip->hi))
      fail(Code::kBadFile, place(node), " expected lo <= hi, got [", clip->lo, ", ", clip->hi, "]");
  }
  if (const auto* norm = std::get_if<BatchNormAttrs>(&node.attrs)) {
    if (!(norm->eps >= 0) || !std::isfinite(norm->eps))
      fail(Code::kBadFile, place(node), " expected eps of 0 or more, got ", norm->eps);
  }
  if (const auto* fake = std::get_if<FakeQuantAttrs>(&node.attrs)) verify_fake_quant(graph, node, *fake);
}

void verify_inputs(const Graph& graph, const Node& node, const std::vector<bool>& known) {
  const OpInfo& row = info(node.op);
  if (node.inputs.size() < row.min_inputs || node.inputs.size() > row.max_inputs) {
    fail(Code::kBadFile, place(node), " expected ", row.min_inputs,
         row.max_inputs == row.min_inputs ? ""
         : row.max_inputs == kMany        ? " or more"
                                          : cat(" to ", row.max_inputs),
         " inputs, got ", node.inputs.size());
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const ValueId id = node.inputs[i];
    if (id == kNone && i >= row.min_inputs) continue;
    verify_id(graph, id, place(node));
    if (!known[static_cast<size_t>(id)])
      fail(Code::kBadFile, place(node), " reads \"", graph.value(id).name, "\", which nothing before it makes");
  }
}

void verify_data(const Value& value) {
  const std::string where = cat("[value ", value.name, "]");
  if (value.name.empty()) fail(Code::kBadFile, "a parameter or buffer has no name");
  if (!value.data.defined()) fail(Code::kBadFile, where, " has no data");
  if (value.data.shape() != value.dims)
    fail(Code::kBadFile, where, " expected data ", to_string(value.dims), ", got ", to_string(value.data.shape()));
  if (value.data.type() != value.type)
    fail(Code::kBadFile, where, " expected data of ", name_of(value.type), ", got ", name_of(value.data.type()));
  if (value.data.size() == 0) fail(Code::kBadFile, where, " has no elements: ", to_string(value.dims));
}

}  // namespace

void verify(const Graph& graph) {
  std::vector<bool> known(graph.values.size(), false);
  std::set<std::string> data_names, node_names;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const Value& value = graph.values[i];
    if (value.role == Role::kActivation) continue;
    verify_data(value);
    if (!data_names.insert(value.name).second) fail(Code::kBadFile, "[value ", value.name, "] the name is used twice");
    known[i] = true;
  }
  for (const ValueId id : graph.inputs) {
    verify_id(graph, id, "[graph inputs]");
    if (graph.has_data(id)) fail(Code::kBadFile, "[input ", graph.value(id).name, "] is a parameter or buffer");
    known[static_cast<size_t>(id)] = true;
  }
  for (const Node& node : graph.nodes) {
    if (!node_names.insert(node.name).second) fail(Code::kBadFile, place(node), " the name is used twice");
    verify_inputs(graph, node, known);
    verify_attrs(graph, node);
    verify_id(graph, node.output, place(node));
    if (known[static_cast<size_t>(node.output)])
      fail(Code::kBadFile, place(node), " writes \"", graph.value(node.output).name, "\", which exists already");
    known[static_cast<size_t>(node.output)] = true;
  }
  if (graph.outputs.empty()) fail(Code::kBadFile, "[graph ", graph.name, "] has no output");
  for (const ValueId id : graph.outputs) {
    verify_id(graph, id, "[graph outputs]");
    if (!known[static_cast<size_t>(id)]) fail(Code::kBadFile, "[output ", graph.value(id).name, "] is made by no node");
  }
}

void check_finite(const Graph& graph) {
  for (const Value& value : graph.values) {
    if (value.role == Role::kActivation || !is_float(value.type)) continue;
    const Tensor floats = value.type == DType::kF32 ? value.data : value.data.to(DType::kF32);
    const std::span<const float> x = floats.data<float>();
    const auto bad = std::count_if(x.begin(), x.end(), [](float v) { return !std::isfinite(v); });
    if (bad == 0) continue;
    fail(Code::kBadFile, "[value ", value.name, "] ", bad, " of ", x.size(), bad == 1 ? " numbers is" : " numbers are",
         " NaN or infinite; the training that made them has failed");
  }
}

}  // namespace qat::ir
