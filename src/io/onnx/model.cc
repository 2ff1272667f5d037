// Typed access to a node's attributes.
#include "io/onnx/model.h"

namespace qat::onnxio {

namespace {

template <class T>
T attribute(const Node& node, const std::string& key, T fallback, const char* expected) {
  const auto found = node.attributes.find(key);
  if (found == node.attributes.end()) return fallback;
  if (const T* value = std::get_if<T>(&found->second)) return *value;
  fail(Code::kBadFile, node.label(), " expected ", expected, " in attribute ", key);
}

}  // namespace

std::string Node::label() const {
  const std::string who = !name.empty() ? name : (!outputs.empty() ? "-> " + outputs[0] : "");
  return cat("[", op, " ", who, "]");
}

int64_t Node::integer(const std::string& key, int64_t fallback) const {
  return attribute<int64_t>(*this, key, fallback, "an integer");
}

float Node::real(const std::string& key, float fallback) const {
  return attribute<float>(*this, key, fallback, "a number");
}

std::string Node::text(const std::string& key, const std::string& fallback) const {
  return attribute<std::string>(*this, key, fallback, "a text");
}

std::vector<int64_t> Node::integers(const std::string& key, std::vector<int64_t> fallback) const {
  return attribute<std::vector<int64_t>>(*this, key, std::move(fallback), "a list of integers");
}

}  // namespace qat::onnxio
