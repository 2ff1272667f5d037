// Tensors that a file states itself: Constant and ConstantOfShape.
#include <algorithm>

#include "io/onnx/import/extents.h"
#include "io/onnx/import/table.h"

namespace qat::onnxio {

bool fold_fill(Importer& in, const Node& node) {
  const auto shape = in.integers(node, 0, "the shape");
  const auto value = node.attributes.find("value");
  const auto* tensor = value == node.attributes.end() ? nullptr : std::get_if<Tensor>(&value->second);
  if (count(shape) > static_cast<int64_t>(kMaxExtents)) throw Unsupported{"fills more than a list of extents"};
  if (tensor != nullptr && (tensor->size() != 1 || tensor->type() == DType::kBool)) return false;
  Tensor out(tensor == nullptr ? DType::kF32 : tensor->type(), shape);
  auto* to = static_cast<char*>(out.raw());
  const size_t size = size_of(out.type());
  for (int64_t i = 0; tensor != nullptr && i < out.size(); ++i) {
    std::copy_n(static_cast<const char*>(tensor->raw()), size, to + i * static_cast<int64_t>(size));
  }
  in.set(node, Known{.data = out, .name = node.outputs.at(0)});
  return true;
}

// Every form that a Constant can have.
void import_constant(Importer& in, const Node& node) {
  const std::string& name = node.outputs.at(0);
  for (const auto& [key, value] : node.attributes) {
    if (key == "value" && std::holds_alternative<Tensor>(value)) {
      return in.set(node, Known{.data = std::get<Tensor>(value), .name = name});
    }
    if (key == "value_int") {
      return in.set(node, Known{.data = Tensor::from(std::vector{node.integer(key, 0)}, {}), .name = name});
    }
    if (key == "value_float") {
      return in.set(node, Known{.data = Tensor::from(std::vector{node.real(key, 0)}, {}), .name = name});
    }
    if (key == "value_ints") {
      const auto values = node.integers(key, {});
      return in.set(node, Known{.data = Tensor::from(values, {static_cast<int64_t>(values.size())}), .name = name});
    }
    if (key == "value_floats" && std::holds_alternative<std::vector<float>>(value)) {
      const auto& values = std::get<std::vector<float>>(value);
      return in.set(node, Known{.data = Tensor::from(values, {static_cast<int64_t>(values.size())}), .name = name});
    }
  }
  throw Unsupported{"has no tensor of numbers"};
}

}  // namespace qat::onnxio
