// The visible table of instruction sets, best first.
#include "train/kernels/kernels.h"

namespace qat::train {

namespace {
#if defined(__x86_64__)
const Kernels* const kTable[] = {&kKernelsAvx512, &kKernelsAvx2, &kKernelsPortable};
#else
const Kernels* const kTable[] = {&kKernelsPortable};
#endif
}  // namespace

const Kernels& kernels(Isa isa) {
  for (const Kernels* entry : kTable) {
    if (entry->isa <= isa) return *entry;
  }
  return kKernelsPortable;
}

const Kernels& kernels() {
  static const Kernels& chosen = kernels(isa());
  return chosen;
}

}  // namespace qat::train
