// Every tensor of a model file that names external data, found by protobuf's reflection: see codec.h.
#include <google/protobuf/message.h>

#include "io/onnx/codec.h"
#include "io/onnx/decode_tensor.h"
#include "io/onnx/parse.h"

namespace qat::onnxio {

namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

// The parser has bounded the depth.
void visit(const Message& message, const ExternalData& external) {
  if (const auto* tensor = dynamic_cast<const ::onnx::TensorProto*>(&message)) {
    if (tensor->external_data_size() > 0) external.check(tensor->name(), external_range(*tensor, tensor->name()));
    return;
  }
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      visit(reflection.GetMessage(message, field), external);
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      visit(reflection.GetRepeatedMessage(message, field, i), external);
    }
  }
}

}  // namespace

void check_external(const std::filesystem::path& path) {
  const ::onnx::ModelProto proto = parse(path);
  visit(proto, ExternalData(path.has_parent_path() ? path.parent_path() : std::filesystem::path(".")));
}

}  // namespace qat::onnxio
