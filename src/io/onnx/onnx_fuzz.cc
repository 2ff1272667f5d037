// libFuzzer target of the ONNX reader: clang, -DQAT_FUZZ=ON, then bin/onnx_fuzz corpus/. Corpus: judge.py's models.
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "io/onnx/codec.h"
#include "io/onnx/import/reader.h"

// Read or refused with one kind of error; anything else ends the run. The file lives in memory.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const int file = memfd_create("model", 0);
  if (file < 0 || ::write(file, data, size) != static_cast<ssize_t>(size)) std::abort();
  try {
    qat::onnxio::import_model(qat::onnxio::decode("/proc/self/fd/" + std::to_string(file)));
  } catch (const qat::Error& error) {
    if (error.code() != qat::Code::kBadFile && error.code() != qat::Code::kOutOfMemory) std::abort();
  }
  ::close(file);
  return 0;
}
