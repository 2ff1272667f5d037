// Our checkpoints as values of a .pth: see checkpoint.h.
#include "io/checkpoint.h"

#include "io/source.h"
#include "io/utf8.h"
#include "ir/print.h"
#include "ir/verify.h"

namespace qat::io {

namespace {

constexpr int64_t kVersion = 1;
constexpr size_t kLongestGraph = size_t{4} << 20;  // bytes of JSON; a ResNet-152 has less than one million

template <class T>
const T& field(const PyValue& file, const char* key, const char* expected) {
  const PyValue* found = file.find(key);
  if (found == nullptr || !std::holds_alternative<T>(found->data))
    fail(Code::kBadFile, "expected ", expected, " under the key ", key);
  return std::get<T>(found->data);
}

// The names are the graph's own: nothing is stripped as find_state_dict would.
StateDict tensors_of(const PyDict& dict) {
  StateDict state;
  for (const auto& [name, value] : dict) {
    const Tensor* tensor = std::get_if<Tensor>(&value.data);
    if (tensor == nullptr) fail(Code::kBadFile, "expected a tensor under state_dict ", printable(name));
    state.emplace_back(name, *tensor);
  }
  return state;
}

size_t bytes_of(const StateDict& state) {
  size_t bytes = 0;
  for (const auto& [name, tensor] : state) bytes += tensor.bytes();
  return bytes;
}

Checkpoint from_value(PyValue& file) {
  if (file.find("qat_graph") == nullptr)
    fail(Code::kBadFile,
         "is a plain state dict without its network; give the network's name as MODEL.NET and this file as "
         "MODEL.WEIGHTS");
  const int64_t version = field<int64_t>(file, "qat_version", "a number");
  if (version != kVersion)
    fail(Code::kBadFile, "expected checkpoint version ", kVersion, ", got ", version, "; use the qat that wrote it");
  const std::string& graph = field<std::string>(file, "qat_graph", "a text");
  if (graph.size() > kLongestGraph) fail(Code::kBadFile, "its graph is ", graph.size(), " bytes long");
  const StateDict state = tensors_of(field<PyDict>(file, "state_dict", "a dict"));
  Checkpoint checkpoint{.graph = ir::from_json(graph, bytes_of(state))};
  for (const auto& [key, text] : field<PyDict>(file, "metadata", "a dict")) {
    const std::string* value = std::get_if<std::string>(&text.data);
    if (value == nullptr) fail(Code::kBadFile, "expected a text as metadata ", printable(key));
    checkpoint.graph.metadata[key] = *value;
  }
  load_state_dict(checkpoint.graph, state, true);
  ir::verify(checkpoint.graph);
  for (auto& [key, value] : std::get<PyDict>(file.data)) {
    if (key == "training") checkpoint.training = std::move(value);
  }
  return checkpoint;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  PyDict weights, metadata;
  for (auto& [name, tensor] : state_dict(checkpoint.graph)) weights.emplace_back(name, PyValue{.data = tensor});
  for (const auto& [key, text] : checkpoint.graph.metadata) metadata.emplace_back(key, PyValue{.data = text});
  PyDict file;
  file.emplace_back("state_dict", PyValue{.data = std::move(weights)});
  file.emplace_back("qat_graph", PyValue{.data = ir::to_json(checkpoint.graph)});
  file.emplace_back("qat_version", PyValue{.data = kVersion});
  file.emplace_back("metadata", PyValue{.data = std::move(metadata)});
  if (checkpoint.training) file.emplace_back("training", *checkpoint.training);
  write_pth(path, PyValue{.data = std::move(file)});
}

std::optional<Checkpoint> find_checkpoint(const std::filesystem::path& path) {
  if (lower(path.extension().string()) == ".safetensors") return std::nullopt;
  PyValue file = read_pth(path);
  if (file.find("qat_graph") == nullptr) return std::nullopt;
  return with_place(path, [&] { return from_value(file); });
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  PyValue file = read_pth(path);
  return with_place(path, [&] { return from_value(file); });
}

}  // namespace qat::io
