// A model file as plain data: what decode.cc reads and encode.cc writes. No protobuf types leave those two.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/tensor.h"

namespace qat::onnxio {

// A tensor whose element type we have no use for (int4, float8, string, ...): an error only where it is read.
struct Unreadable {
  std::string type;
};

// Unreadable: a type of attribute that no supported operator has (graphs, sparse tensors).
using Attribute =
    std::variant<Unreadable, int64_t, float, std::string, std::vector<int64_t>, std::vector<float>, Tensor>;

struct Node {
  std::string op;
  std::string name;
  std::string domain;                // "" is ONNX's own
  std::vector<std::string> inputs;   // "" for an absent optional input
  std::vector<std::string> outputs;  // "" for an unused optional output
  std::map<std::string, Attribute> attributes;

  std::string label() const;  // "[Conv /layer1/conv1/Conv]", for messages

  // The attribute or its default. A different type of attribute throws Error(kBadFile).
  int64_t integer(const std::string& key, int64_t fallback) const;
  float real(const std::string& key, float fallback) const;
  std::string text(const std::string& key, const std::string& fallback) const;
  std::vector<int64_t> integers(const std::string& key, std::vector<int64_t> fallback) const;
  bool has(const std::string& key) const { return attributes.contains(key); }
  bool has_input(size_t index) const { return index < inputs.size() && !inputs[index].empty(); }
};

// An extent is a number or a symbol ("batch"); neither means unknown.
struct Extent {
  int64_t value = -1;
  std::string symbol;
};

struct ValueInfo {
  std::string name;
  DType type = DType::kF32;
  std::vector<Extent> dims;
};

struct Constant {
  std::string name;
  std::variant<Tensor, Unreadable> data;
};

struct Model {
  int64_t ir_version = 8;
  int64_t opset = 17;
  std::string name;
  std::vector<Node> nodes;  // in topological order
  std::vector<Constant> initializers;
  std::vector<ValueInfo> inputs;  // without those that are initializers
  std::vector<ValueInfo> outputs;
  std::map<std::string, std::string> metadata;
};

}  // namespace qat::onnxio
