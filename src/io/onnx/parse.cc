// Protobuf's parser behind limits: see parse.h.
#include "io/onnx/parse.h"

#include <google/protobuf/io/coded_stream.h>

#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "io/onnx/prescan.h"

namespace qat::onnxio {

namespace {

constexpr int kMaxDepth = 32;  // of nested messages: a model needs 8

}  // namespace

::onnx::ModelProto parse(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  if (bytes.empty()) fail(Code::kBadFile, "empty file; expected an ONNX model");
  if (bytes.size() > INT32_MAX) fail(Code::kBadFile, "2 GiB or more; save the weights as external data");
  if (std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).starts_with("\x89QATENG"))
    fail(Code::kBadFile, "is an engine; give the ONNX file that it was built from");
  prescan(bytes);
  ::google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                  static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(kMaxDepth);
  ::onnx::ModelProto proto;
  if (!proto.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    fail(Code::kBadFile, "broken or truncated; expected an ONNX model, export it anew");
  }
  if (!proto.has_graph() || proto.ir_version() < 1) fail(Code::kBadFile, "no graph in it; expected an ONNX model");
  return proto;
}

}  // namespace qat::onnxio
