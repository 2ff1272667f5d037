// The walk over a model's nodes, and parameters made of known tensors.
#include "io/onnx/import/importer.h"

#include <algorithm>

#include "io/onnx/import/table.h"
#include "ir/shapes.h"

namespace qat::onnxio {

Importer::Importer(const Model& model) : model_(model), names_(model) {
  graph.name = model.name;
  graph.metadata = model.metadata;
  for (const auto& node : model.nodes) read_.insert(node.inputs.begin(), node.inputs.end());
  for (const auto& output : model.outputs) read_.insert(output.name);
  for (const auto& constant : model.initializers) {
    if (!read_.contains(constant.name)) continue;
    if (const auto* tensor = std::get_if<Tensor>(&constant.data)) {
      budget_ += 16 * tensor->bytes();
      slots_.emplace(constant.name, Known{.data = *tensor, .name = constant.name});
    } else {
      const auto& type = std::get<Unreadable>(constant.data).type;
      fail(Code::kBadFile, "[", constant.name, "] initializer of an unsupported type: ", type);
    }
  }
}

void Importer::add_input() {
  if (model_.inputs.size() != 1) {
    std::vector<std::string> names;
    for (const auto& input : model_.inputs) names.push_back(input.name);
    fail(Code::kBadFile, "expected one input (the images), got ", names.size(), ": ", join(names, ", "));
  }
  const ValueInfo& info = model_.inputs[0];
  if (info.type != DType::kF32) {
    fail(Code::kBadFile, "[", info.name, "] expected a float32 input, got ", name_of(info.type), "; export it in fp32");
  }
  if (info.dims.size() != 4 && info.dims.size() != 2) {
    fail(Code::kBadFile, "[", info.name, "] expected an input of 4 dimensions (N,C,H,W), got ", info.dims.size());
  }
  ir::Dims dims;
  for (const Extent& extent : info.dims) dims.push_back(extent.value > 0 ? extent.value : ir::kDynamic);
  slots_[info.name] = graph.add_input(names_.unique(info.name), dims);
}

const Slot& Importer::slot(const Node& node, size_t input) const {
  if (!node.has_input(input)) fail(Code::kBadFile, node.label(), " expected an input ", input, ", got none");
  return slots_.at(node.inputs[input]);
}

std::string Importer::module(const Node& node) const {
  const Known* weight = node.has_input(1) ? known(node, 1) : nullptr;
  return names_.module(node, weight != nullptr ? weight->name : "");
}

const Known* Importer::known(const Node& node, size_t input) const { return std::get_if<Known>(&slot(node, input)); }

const Known& Importer::constant(const Node& node, size_t input, const char* what) const {
  const Known* tensor = known(node, input);
  if (tensor == nullptr) throw Unsupported{cat(what, " is not constant")};
  return *tensor;
}

std::vector<float> Importer::floats(const Node& node, size_t input, const char* what) const {
  const Tensor& data = constant(node, input, what).data;
  if (!is_float(data.type())) fail(Code::kBadFile, node.label(), " expected ", what, " in float");
  const Tensor wide = data.to(DType::kF32);
  const auto values = wide.data<float>();
  return {values.begin(), values.end()};
}

std::vector<int64_t> Importer::integers(const Node& node, size_t input, const char* what) const {
  const Tensor& data = constant(node, input, what).data;
  if (data.type() != DType::kI64 && data.type() != DType::kI32) {
    fail(Code::kBadFile, node.label(), " expected ", what, " as integers, got ", name_of(data.type()));
  }
  const Tensor wide = data.to(DType::kI64);
  const auto values = wide.data<int64_t>();
  return {values.begin(), values.end()};
}

ir::ValueId Importer::value(const Node& node, size_t input) {
  const Slot& from = slot(node, input);
  if (const auto* id = std::get_if<ir::ValueId>(&from)) return *id;
  if (const auto* tensor = std::get_if<Known>(&from)) {
    const bool scalar = tensor->data.size() == 1;
    return parameter(
        *tensor, {.name = cat(module(node), ".constant"), .role = scalar ? ir::Role::kBuffer : ir::Role::kParameter});
  }
  if (std::holds_alternative<Quantized>(from)) throw Unsupported{"reads a quantized tensor without DequantizeLinear"};
  throw Unsupported{"computes with the shape of an activation"};
}

ir::ValueId Importer::add(ir::Op op, const std::string& name, std::vector<ir::ValueId> inputs, ir::Attrs attrs) {
  const ir::ValueId output = graph.add_node(op, unique(name), std::move(inputs), std::move(attrs));
  producers_[output] = graph.nodes.size() - 1;
  return output;
}

void Importer::set(const Node& node, Slot slot) {
  if (node.outputs.empty()) fail(Code::kBadFile, node.label(), " has no output");
  slots_[node.outputs[0]] = std::move(slot);
}

const ir::Dims& Importer::dims(ir::ValueId value) {
  if (inferred_nodes_ != graph.nodes.size()) {  // only what was added since: a file may ask after every node
    std::vector<ir::Node> all = std::move(graph.nodes);
    graph.nodes.assign(all.begin() + static_cast<int64_t>(inferred_nodes_), all.end());
    ir::infer_shapes(graph);
    graph.nodes = std::move(all);
    inferred_nodes_ = graph.nodes.size();
  }
  return graph.value(value).dims;
}

namespace {

// Whether the operator leaves axis 0 alone.
bool keeps_batch(const ir::Node& node) {
  const auto& attrs = node.attrs;
  if (const auto* axis = std::get_if<ir::AxisAttrs>(&attrs)) return axis->axis != 0 || node.op == ir::Op::kSoftmax;
  const auto* list = std::get_if<ir::ListAttrs>(&attrs);
  if (list == nullptr) return true;
  const auto& values = list->values;
  if (node.op == ir::Op::kReduceMean) return std::find(values.begin(), values.end(), 0) == values.end();
  if (node.op == ir::Op::kPad) return values[0] == 0 && values[values.size() / 2] == 0;
  return !values.empty() && values[0] == 0;  // Reshape: 0 keeps; Transpose: axis 0 stays
}

}  // namespace

bool Importer::is_batch(ir::ValueId value) {
  std::vector<ir::ValueId> path;
  bool result = false;
  while (true) {
    if (const auto found = batches_.find(value); found != batches_.end()) {
      result = found->second;
      break;
    }
    path.push_back(value);
    const auto made = producers_.find(value);
    if (made == producers_.end()) {
      result = value == graph.inputs[0];
      break;
    }
    const ir::Node& node = graph.nodes[made->second];
    const auto next = std::find_if(node.inputs.begin(), node.inputs.end(),
                                   [&](ir::ValueId input) { return input != ir::kNone && !graph.has_data(input); });
    if (!keeps_batch(node) || next == node.inputs.end()) break;
    value = *next;
  }
  for (const ir::ValueId id : path) batches_[id] = result;
  return result;
}

void Importer::charge(size_t bytes) {
  if (bytes > budget_) fail(Code::kBadFile, "constants computed from the file's own take too much memory");
  budget_ -= bytes;
}

void Importer::import_node(const Node& node) {
  bool poisoned = false;
  for (const auto& input : node.inputs) poisoned |= !input.empty() && std::holds_alternative<Poison>(slots_.at(input));
  for (const auto& output : node.outputs) slots_[output] = Poison{};  // replaced by what the importer sets
  if (poisoned && supports(node)) return;
  try {
    if (!supports(node)) throw Unsupported{};
    import_operator(*this, node);
  } catch (const Unsupported& unsupported) {
    problems_.push_back(unsupported.reason.empty() ? node.label() : cat(node.label(), " ", unsupported.reason));
  }
}

void Importer::add_outputs() {
  if (model_.outputs.empty()) fail(Code::kBadFile, "the graph has no output");
  for (const auto& output : model_.outputs) {
    const auto found = slots_.find(output.name);
    const auto* id = found == slots_.end() ? nullptr : std::get_if<ir::ValueId>(&found->second);
    if (id == nullptr) fail(Code::kBadFile, "[", output.name, "] expected an output computed from the input");
    graph.outputs.push_back(*id);
    ir::Value& value = graph.value(*id);
    if (value.name == output.name) continue;  // a node of the output's name made it
    if (value.role == ir::Role::kActivation && producers_.contains(*id)) value.name = names_.unique(output.name);
  }
}

void Importer::run() {
  add_input();
  for (const Node& node : model_.nodes) import_node(node);
  if (!problems_.empty()) {
    fail(Code::kBadFile, problems_.size(), " unsupported operator", problems_.size() == 1 ? "" : "s", ": ",
         join(problems_, "; "));
  }
  add_outputs();
}

int64_t normalize_axis(const Node& node, int64_t axis, int64_t rank) {
  const int64_t positive = axis < 0 ? axis + rank : axis;
  if (positive >= 0 && positive < rank) return positive;
  fail(Code::kBadFile, node.label(), " expected an axis within ", rank, " dimensions, got ", axis);
}

}  // namespace qat::onnxio
