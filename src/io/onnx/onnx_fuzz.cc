// Fuzz target: any bytes given to the ONNX reader make a graph or an Error, and so for the check of external data.
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "io/onnx/codec.h"
#include "io/onnx/import/reader.h"

namespace {

// Anything but these errors ends the run.
template <class Body>
void refuse_or(const Body& body) {
  try {
    body();
  } catch (const qat::Error& error) {
    if (error.code() != qat::Code::kBadFile && error.code() != qat::Code::kOutOfMemory) std::abort();
  }
}

}  // namespace

// The file lives in memory.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int file = memfd_create("model", 0);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  const std::string path = "/proc/self/fd/" + std::to_string(file);
  refuse_or([&] { qat::onnxio::import_model(qat::onnxio::decode(path)); });
  refuse_or([&] { qat::onnxio::check_external(path); });
  ::close(file);
  return 0;
}
