// Fuzz target: any bytes given to the IDX reader, plain or gzipped, make a tensor or an Error, nothing else.
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "data/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const int file = memfd_create("idx", 0);
  if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
  try {
    qat::data::read_idx(qat::cat("/proc/self/fd/", file));
  } catch (const qat::Error&) {
    return 0;
  }
  return 0;
}
