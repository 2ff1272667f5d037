// The entry of libqat_onnx.so: reading and writing put together, messages led by the file's name.
#include <memory>

#include "io/onnx/codec.h"
#include "io/onnx/export/writer.h"
#include "io/onnx/import/reader.h"
#include "io/onnx/onnx.h"

namespace qat::onnxio {

namespace {

// Names in a file may hold anything; a message is one line.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
  }
  return text.size() <= 4000 ? text : text.substr(0, 4000) + "...";
}

// What `body` gives; errors begin with the file's name.
template <class Body>
auto named(const std::filesystem::path& path, const Body& body) {
  try {
    return body();
  } catch (const Error& error) {
    if (error.code() != Code::kBadFile) throw;
    fail(Code::kBadFile, path.string(), ": ", one_line(error.what()));
  } catch (const std::bad_alloc&) {
    fail(Code::kOutOfMemory, path.string(), ": not enough memory to read it");
  }
}

class Plugin final : public io::OnnxIo {
 public:
  ir::Graph read(const std::filesystem::path& path) override {
    return named(path, [&] { return import_model(decode(path)); });
  }

  void check_external(const std::filesystem::path& path) override {
    named(path, [&] { onnxio::check_external(path); });
  }

  void write(const std::filesystem::path& path, const ir::Graph& graph, const io::OnnxExport& options) override {
    encode(path, export_model(graph, options));
  }
};

}  // namespace

}  // namespace qat::onnxio

extern "C" __attribute__((visibility("default"))) void* qat_plugin() {
  static qat::onnxio::Plugin instance;
  return static_cast<qat::io::OnnxIo*>(&instance);
}
