// What this processor can do, found once at run time, and the ISA level that kernels are chosen by.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qat {

// Ordered: a machine of a level runs everything below it, except that kAvxVnni is a side branch (ask cpu().avx_vnni).
// kAvx512 needs F, BW, DQ, VL; kAvx512Vnni adds VNNI; kAmx adds AMX-INT8.
enum class Isa { kPortable, kAvx2, kAvxVnni, kAvx512, kAvx512Vnni, kAmx };

struct CpuInfo {
  std::string vendor;
  std::string model;
  Isa best = Isa::kPortable;
  bool avx_vnni = false;
  bool avx512_bf16 = false;
  bool amx_bf16 = false;
  bool avx512_fp16 = false;
  size_t l1_bytes = 0, l2_bytes = 0, l3_bytes = 0;
};

const CpuInfo& cpu();

// cpu().best, or lower by QAT_FORCE_ISA=portable|avx2|avxvnni|avx512|avx512vnni|amx (read once). A level that the
// machine lacks throws Error(kUsage).
Isa isa();

std::string_view name_of(Isa isa);
Isa parse_isa(std::string_view name);  // throws Error(kUsage)

}  // namespace qat
