// Which ISA levels kernels may use here.
#include "engine/cpu/kernel.h"

namespace qat::kernels {

bool runnable(Isa kernel) {
  if (kernel == Isa::kAvxVnni) return cpu().avx_vnni && isa() >= Isa::kAvxVnni;
  return kernel <= isa();
}

}  // namespace qat::kernels
