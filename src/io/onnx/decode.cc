// Reads a model file: each part checked and copied into plain data.
#include <set>

#include "io/onnx/codec.h"
#include "io/onnx/decode_tensor.h"
#include "io/onnx/parse.h"
#include "io/onnx/sort.h"

namespace qat::onnxio {

namespace {

constexpr int64_t kFirstOpset = 7, kLastOpset = 25;
constexpr int64_t kMaxExtent = 1ll << 31;  // of an input or output
constexpr size_t kMaxNodes = 50'000;       // a hundred times a usual classifier's

int64_t opset_of(const ::onnx::ModelProto& proto) {
  for (const auto& set : proto.opset_import()) {
    if (!set.domain().empty() && set.domain() != "ai.onnx") continue;
    if (set.version() >= kFirstOpset && set.version() <= kLastOpset) return set.version();
    fail(Code::kBadFile, "opset ", set.version(), " is not supported; export with opset ", kFirstOpset, " to ",
         kLastOpset);
  }
  fail(Code::kBadFile, "no opset named; expected ONNX's opset ", kFirstOpset, " to ", kLastOpset);
}

Attribute decode_attribute(::onnx::AttributeProto& proto, const std::string& place, ExternalData& external) {
  switch (proto.type()) {
    case ::onnx::AttributeProto::INT:
      return proto.i();
    case ::onnx::AttributeProto::FLOAT:
      return proto.f();
    case ::onnx::AttributeProto::STRING:
      return proto.s();
    case ::onnx::AttributeProto::INTS:
      return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
    case ::onnx::AttributeProto::FLOATS:
      return std::vector<float>(proto.floats().begin(), proto.floats().end());
    case ::onnx::AttributeProto::TENSOR: {
      auto data = decode_tensor(*proto.mutable_t(), place, external);
      if (auto* tensor = std::get_if<Tensor>(&data)) return std::move(*tensor);
      return std::get<Unreadable>(data);
    }
    default:
      return Unreadable{cat("attribute type ", static_cast<int>(proto.type()))};
  }
}

Node decode_node(::onnx::NodeProto& proto, ExternalData& external) {
  Node node{.op = proto.op_type(), .name = proto.name(), .domain = proto.domain() == "ai.onnx" ? "" : proto.domain()};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  for (auto& attribute : *proto.mutable_attribute()) {
    if (attribute.type() == ::onnx::AttributeProto::UNDEFINED) {
      fail(Code::kBadFile, node.label(), " attribute ", attribute.name(), " has no type");
    }
    const std::string place = cat(node.label(), " ", attribute.name());
    node.attributes.emplace(attribute.name(), decode_attribute(attribute, place, external));
  }
  return node;
}

ValueInfo decode_value(const ::onnx::ValueInfoProto& proto) {
  ValueInfo info{.name = proto.name()};
  if (!proto.type().has_tensor_type()) fail(Code::kBadFile, "[", info.name, "] expected a tensor");
  const auto& tensor = proto.type().tensor_type();
  const auto type = dtype_of(tensor.elem_type());
  if (!type) fail(Code::kBadFile, "[", info.name, "] element type ", tensor.elem_type(), " is not supported");
  info.type = *type;
  for (const auto& dim : tensor.shape().dim()) {
    Extent extent{.symbol = dim.dim_param()};
    if (dim.has_dim_value()) extent.value = dim.dim_value();
    // -1 is how some exporters spell "unknown".
    if (extent.value == 0 || extent.value < -1 || extent.value > kMaxExtent) {
      fail(Code::kBadFile, "[", info.name, "] expected positive extents, got ", extent.value);
    }
    info.dims.push_back(extent);
  }
  return info;
}

// Initializers are listed as inputs too before IR version 4; what is left are the true inputs.
void decode_graph(::onnx::GraphProto& graph, ExternalData& external, Model& model) {
  if (graph.sparse_initializer_size() > 0) fail(Code::kBadFile, "sparse initializers are not supported");
  if (static_cast<size_t>(graph.node_size()) > kMaxNodes) {
    fail(Code::kBadFile, "expected at most ", kMaxNodes, " nodes, got ", graph.node_size());
  }
  std::set<std::string> constants;
  for (auto& proto : *graph.mutable_initializer()) {
    const std::string name = proto.name();
    if (!constants.insert(name).second) fail(Code::kBadFile, "[", name, "] two initializers have this name");
    model.initializers.push_back({name, decode_tensor(proto, name, external)});
  }
  for (const auto& proto : graph.input()) {
    if (!constants.contains(proto.name())) model.inputs.push_back(decode_value(proto));
  }
  for (const auto& proto : graph.output()) model.outputs.push_back(decode_value(proto));
  for (auto& proto : *graph.mutable_node()) model.nodes.push_back(decode_node(proto, external));
}

}  // namespace

Model decode(const std::filesystem::path& path) {
  ::onnx::ModelProto proto = parse(path);
  ExternalData external(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
  Model model{.ir_version = proto.ir_version(), .opset = opset_of(proto), .name = proto.graph().name()};
  decode_graph(*proto.mutable_graph(), external, model);
  for (const auto& entry : proto.metadata_props()) model.metadata[entry.key()] = entry.value();
  sort_nodes(model);
  return model;
}

}  // namespace qat::onnxio
