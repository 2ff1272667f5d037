// Spellings and aliases of quantizer ranges: see range_names.h.
#include "io/range_names.h"

#include <nlohmann/json.hpp>

namespace qat::io {

namespace {

constexpr std::string_view kSuffix = "_quantizer._amax";

}  // namespace

bool is_range_name(const std::string& name) { return name.ends_with(kSuffix); }

std::string other_spelling(const std::string& range_name) {
  const size_t end = range_name.size() - kSuffix.size();
  const size_t dot = range_name.rfind('.', end);
  const size_t begin = dot == std::string::npos ? 0 : dot + 1;
  std::string other = range_name;
  if (other[begin] == '_' && begin < end) {
    other.erase(begin, 1);
  } else {
    other.insert(begin, 1, '_');
  }
  return other;
}

std::optional<float> stored_range(const StateDict& state, const std::string& range_name) {
  const std::string other = other_spelling(range_name);
  std::optional<float> largest;
  for (const auto& [name, tensor] : state) {
    if ((name != range_name && name != other) || !is_float(tensor.type()) || tensor.size() != 1) continue;
    const float range = tensor.to(DType::kF32).data<float>()[0];
    if (!largest || range > *largest) largest = range;
  }
  return largest;
}

std::map<std::string, std::vector<std::string>> range_aliases(const ir::Graph& graph) {
  std::map<std::string, std::vector<std::string>> aliases;
  const auto found = graph.metadata.find("range_aliases");
  if (found == graph.metadata.end() || found->second.empty()) return aliases;
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  const auto bad = [] { fail(Code::kBadFile, "[metadata range_aliases] expected a JSON object of lists of names"); };
  if (!json.is_object()) bad();
  for (const auto& [name, others] : json.items()) {
    if (!others.is_array()) bad();
    for (const auto& other : others) {
      if (!other.is_string()) bad();
      aliases[name].push_back(other.get<std::string>());
    }
  }
  return aliases;
}

}  // namespace qat::io
