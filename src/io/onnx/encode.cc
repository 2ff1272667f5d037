// Writes a model file from plain data.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/file.h"
#include "io/onnx/codec.h"
#include "io/onnx/proto.h"

namespace qat::onnxio {

namespace {

void encode_tensor(const Tensor& tensor, ::onnx::TensorProto& proto) {
  for (const int64_t extent : tensor.shape()) proto.add_dims(extent);
  proto.set_data_type(onnx_type_of(tensor.type()));
  proto.set_raw_data(tensor.raw(), tensor.bytes());
}

struct AttributeEncoder {
  ::onnx::AttributeProto& proto;

  void operator()(const Unreadable& unreadable) const { fail(Code::kFailure, "cannot write ", unreadable.type); }
  void operator()(int64_t value) const {
    proto.set_type(::onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(::onnx::AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(::onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(::onnx::AttributeProto::INTS);
    for (const int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(::onnx::AttributeProto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void operator()(const Tensor& value) const {
    proto.set_type(::onnx::AttributeProto::TENSOR);
    encode_tensor(value, *proto.mutable_t());
  }
};

void encode_node(const Node& node, ::onnx::NodeProto& proto) {
  proto.set_op_type(node.op);
  proto.set_name(node.name);
  for (const auto& input : node.inputs) proto.add_input(input);
  for (const auto& output : node.outputs) proto.add_output(output);
  for (const auto& [key, value] : node.attributes) {
    auto& attribute = *proto.add_attribute();
    attribute.set_name(key);
    std::visit(AttributeEncoder{attribute}, value);
  }
}

void encode_value(const ValueInfo& info, ::onnx::ValueInfoProto& proto) {
  proto.set_name(info.name);
  auto& tensor = *proto.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx_type_of(info.type));
  auto& shape = *tensor.mutable_shape();
  for (const Extent& extent : info.dims) {
    auto& dim = *shape.add_dim();
    if (extent.value >= 0) {
      dim.set_dim_value(extent.value);
    } else if (!extent.symbol.empty()) {
      dim.set_dim_param(extent.symbol);
    }
  }
}

::onnx::ModelProto to_proto(const Model& model) {
  ::onnx::ModelProto proto;
  proto.set_ir_version(model.ir_version);
  proto.set_producer_name("qat");
  auto& graph = *proto.mutable_graph();
  graph.set_name(model.name);
  for (const Node& node : model.nodes) encode_node(node, *graph.add_node());
  for (const Constant& constant : model.initializers) {
    auto& tensor = *graph.add_initializer();
    tensor.set_name(constant.name);
    encode_tensor(std::get<Tensor>(constant.data), tensor);
  }
  for (const ValueInfo& input : model.inputs) encode_value(input, *graph.add_input());
  for (const ValueInfo& output : model.outputs) encode_value(output, *graph.add_output());
  for (const auto& [key, value] : model.metadata) {
    auto& entry = *proto.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  return proto;
}

// The opset, written behind everything else: fields may come in any order, and a file cut short anywhere then lacks it
// and is refused, where it could otherwise only have lost its metadata.
::onnx::ModelProto opset_of(const Model& model) {
  ::onnx::ModelProto proto;
  proto.add_opset_import()->set_version(model.opset);
  return proto;
}

// protobuf's destructors flush, so an error of the file is kept here and rethrown outside of them.
class FileStream : public ::google::protobuf::io::CopyingOutputStream {
 public:
  explicit FileStream(AtomicFile& file) : file_(file) {}
  bool Write(const void* data, int size) override {
    if (error_) return false;
    try {
      file_.write(data, static_cast<size_t>(size));
    } catch (...) {
      error_ = std::current_exception();
    }
    return !error_;
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  AtomicFile& file_;
  std::exception_ptr error_;
};

}  // namespace

void encode(const std::filesystem::path& path, const Model& model) {
  int64_t bytes = 0;
  for (const Constant& constant : model.initializers) {
    bytes += static_cast<int64_t>(std::get<Tensor>(constant.data).bytes());
  }
  const ::onnx::ModelProto proto = bytes < INT32_MAX ? to_proto(model) : ::onnx::ModelProto();
  if (bytes >= INT32_MAX || proto.ByteSizeLong() >= INT32_MAX) {
    fail(Code::kFailure, path.string(), ": the model needs ", human_bytes(static_cast<double>(bytes)),
         ", an ONNX file holds at most 2 GiB; export int8 weights (CONVERT_ONNX.WEIGHTS int8)");
  }
  AtomicFile file(path);
  FileStream sink(file);
  {
    ::google::protobuf::io::CopyingOutputStreamAdaptor adaptor(&sink);
    ::google::protobuf::io::CodedOutputStream stream(&adaptor);
    stream.SetSerializationDeterministic(true);
    proto.SerializeToCodedStream(&stream);
    opset_of(model).SerializeToCodedStream(&stream);
  }
  sink.rethrow();
  file.commit();
}

}  // namespace qat::onnxio
