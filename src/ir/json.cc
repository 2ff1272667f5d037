// Graphs as JSON and back: the structure that checkpoints carry beside the state dict.
#include "base/checked.h"
#include "ir/json_value.h"
#include "ir/op_table.h"
#include "ir/print.h"

namespace qat::ir {

namespace {

constexpr int64_t kVersion = 1;

template <class T>
Json json_of_fields(const T& attrs) {
  Json object = Json::object();
  fields(attrs, [&](const char* name, const auto& field) { object[name] = json_of(field); });
  return object;
}

Json json_of_value(const Value& value) {
  Json object{{"name", value.name}, {"role", name_of(value.role)}, {"type", name_of(value.type)}};
  object["dims"] = json_of(value.dims);
  if (value.quant) object["quant"] = json_of_fields(*value.quant);
  return object;
}

Json json_of_node(const Node& node) {
  Json object{{"op", name_of(node.op)}, {"name", node.name}};
  std::vector<int64_t> inputs(node.inputs.begin(), node.inputs.end());
  object["inputs"] = json_of(inputs);
  object["output"] = node.output;
  const Json attrs = std::visit([](const auto& a) { return json_of_fields(a); }, node.attrs);
  if (!attrs.empty()) object["attrs"] = attrs;
  return object;
}

const Json& member(const Json& object, const std::string& path, const char* name) {
  if (!object.is_object() || !object.contains(name)) bad_field(path, cat("a field \"", name, "\"").c_str());
  return object[name];
}

template <class T>
void read_member(const Json& object, const std::string& path, const char* name, T& x) {
  read_json(member(object, path, name), cat(path, ".", name), x);
}

// Attributes may lack fields (written by an older version): these keep their defaults.
template <class T>
void read_fields(const Json& object, const std::string& path, T& attrs) {
  if (!object.is_object()) bad_field(path, "an object");
  fields(attrs, [&](const char* name, auto& field) {
    if (object.contains(name)) read_json(object[name], cat(path, ".", name), field);
  });
}

DType read_type(const Json& json, const std::string& path) {
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    if (json == name_of(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  bad_field(path, "an element type such as \"f32\"");
}

Value read_value(const Json& json, const std::string& path, size_t& data_left) {
  Value value;
  read_member(json, path, "name", value.name);
  read_member(json, path, "role", value.role);
  value.type = read_type(member(json, path, "type"), path + ".type");
  read_member(json, path, "dims", value.dims);
  const bool has_data = value.role != Role::kActivation;
  for (const int64_t extent : value.dims) {
    if (extent < (has_data ? 0 : kDynamic)) bad_field(path + ".dims", "extents of 0 or more");
  }
  if (has_data) {
    const auto bytes = checked_mul(static_cast<size_t>(count(value.dims)), size_of(value.type), "a value of the graph");
    if (bytes > data_left) fail(Code::kBadFile, "[graph ", path, "] needs more data than the file holds");
    data_left -= bytes;
    value.data = Tensor(value.type, value.dims);
  }
  if (json.contains("quant")) read_fields(json["quant"], path + ".quant", value.quant.emplace());
  return value;
}

ValueId read_id(int64_t id, size_t count, const std::string& path) {
  if (id < kNone || id >= static_cast<int64_t>(count)) bad_field(path, "the number of a value");
  return static_cast<ValueId>(id);
}

Node read_node(const Json& json, size_t count, const std::string& path) {
  Node node;
  std::string op;
  read_member(json, path, "op", op);
  node.op = parse_op(op);
  read_member(json, path, "name", node.name);
  std::vector<int64_t> inputs;
  read_member(json, path, "inputs", inputs);
  for (const int64_t id : inputs) node.inputs.push_back(read_id(id, count, path + ".inputs"));
  int64_t output = kNone;
  read_member(json, path, "output", output);
  node.output = read_id(output, count, path + ".output");
  node.attrs = default_attrs(info(node.op).attrs);
  if (json.contains("attrs"))
    std::visit([&](auto& attrs) { read_fields(json["attrs"], path + ".attrs", attrs); }, node.attrs);
  return node;
}

std::vector<ValueId> read_ids(const Json& json, size_t count, const char* name) {
  std::vector<int64_t> list;
  read_member(json, "", name, list);
  std::vector<ValueId> ids;
  ids.reserve(list.size());
  for (const int64_t id : list) ids.push_back(read_id(id, count, name));
  return ids;
}

Graph read_graph(const Json& json, size_t data_left) {
  int64_t version = 0;
  read_member(json, "", "version", version);
  if (version != kVersion) fail(Code::kBadFile, "[graph version] expected ", kVersion, ", got ", version);
  Graph graph;
  read_member(json, "", "name", graph.name);
  const Json& values = member(json, "", "values");
  const Json& nodes = member(json, "", "nodes");
  if (!values.is_array() || !nodes.is_array()) bad_field("", "lists of values and nodes");
  for (size_t i = 0; i < values.size(); ++i)
    graph.values.push_back(read_value(values[i], cat("values ", i), data_left));
  for (size_t i = 0; i < nodes.size(); ++i)
    graph.nodes.push_back(read_node(nodes[i], graph.values.size(), cat("nodes ", i)));
  graph.inputs = read_ids(json, graph.values.size(), "inputs");
  graph.outputs = read_ids(json, graph.values.size(), "outputs");
  const Json& metadata = member(json, "", "metadata");
  if (!metadata.is_object()) bad_field("metadata", "an object");
  for (const auto& [key, text] : metadata.items()) read_json(text, cat("metadata ", key), graph.metadata[key]);
  return graph;
}

}  // namespace

std::string to_json(const Graph& graph) {
  Json json{{"version", kVersion}, {"name", graph.name}};
  json["inputs"] = graph.inputs;
  json["outputs"] = graph.outputs;
  json["metadata"] = Json::object();
  for (const auto& [key, text] : graph.metadata) json["metadata"][key] = text;
  json["values"] = Json::array();
  for (const Value& value : graph.values) json["values"].push_back(json_of_value(value));
  json["nodes"] = Json::array();
  for (const Node& node : graph.nodes) json["nodes"].push_back(json_of_node(node));
  // Names of files and classes may be no UTF-8: replace what JSON cannot hold.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Graph from_json(const std::string& text, size_t max_data_bytes) {
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) fail(Code::kBadFile, "[graph] is not valid JSON");
  return read_graph(json, max_data_bytes);
}

}  // namespace qat::ir
