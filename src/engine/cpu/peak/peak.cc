// The table: see peak.h.
#include "engine/cpu/peak/peak.h"

#include <array>

#include "engine/cpu/kernel.h"
#include "engine/cpu/peak/peak_kernels.h"

namespace qat::kernels {

std::span<const PeakKernel> peak_kernels() {
  static const std::array<PeakKernel, 5> kTable{kPeakAvx512Vnni, kPeakAvx512, kPeakAvxVnni, kPeakAvx2, kPeakPortable};
  return kTable;
}

const PeakKernel& peak_kernel() {
  for (const PeakKernel& kernel : peak_kernels()) {
    if (runnable(kernel.isa)) return kernel;
  }
  return peak_kernels().back();
}

const PeakTiles* peak_tiles() { return runnable(kPeakAmx.isa) ? &kPeakAmx : nullptr; }

bool uses_tiles(std::string_view kernel) { return kernel.ends_with("_amx"); }

double most_of_peak(std::string_view kernel) {
  if (kernel.find("_winograd_") != std::string_view::npos) return 2;
  return uses_tiles(kernel) ? 1.25 : 1;
}

}  // namespace qat::kernels
