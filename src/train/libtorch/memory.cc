// Two settings of glibc's allocator: see memory.h.
#include "train/libtorch/memory.h"

#include <malloc.h>

namespace qat::train {

void keep_freed_memory() {
#if defined(__GLIBC__)
  static const bool done = [] {
    mallopt(M_MMAP_MAX, 0);         // else each block past 32 MiB is mapped and unmapped
    mallopt(M_TRIM_THRESHOLD, -1);  // never
    return true;
  }();
  static_cast<void>(done);
#endif
}

}  // namespace qat::train
