// CPUID once, the operating system's consent included: see cpu.h.
#include "base/cpu.h"

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace qat {

namespace {

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

bool bit(uint32_t word, int index) { return ((word >> index) & 1u) != 0; }

// What the operating system saves on a context switch (XCR0).
uint64_t enabled_state() {
  if (!bit(cpuid(1).c, 27)) return 0;
  uint32_t low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

// Linux hands out the AMX tile state on request only.
bool request_amx() {
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr int kTileData = 18;
  return ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

std::string brand() {
  std::array<char, 49> text{};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002u + i);
    std::memcpy(text.data() + 16 * i, &r, 16);
  }
  return trim(text.data());
}

size_t cache_bytes(int name) {
  const long bytes = ::sysconf(name);
  return bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

CpuInfo detect() {
  CpuInfo info;
  const Registers vendor = cpuid(0), features = cpuid(1), extended = cpuid(7), extended1 = cpuid(7, 1);
  std::array<char, 13> name{};
  std::memcpy(name.data(), &vendor.b, 4);
  std::memcpy(name.data() + 4, &vendor.d, 4);
  std::memcpy(name.data() + 8, &vendor.c, 4);
  info.vendor = name.data();
  info.model = brand();
  const uint64_t state = enabled_state();
  const bool avx_state = (state & 0x6) == 0x6, avx512_state = (state & 0xE6) == 0xE6,
             amx_state = (state & 0x60000) == 0x60000;

  const bool avx2 = avx_state && bit(extended.b, 5) && bit(features.c, 12);
  const bool avx512 =
      avx2 && avx512_state && bit(extended.b, 16) && bit(extended.b, 17) && bit(extended.b, 30) && bit(extended.b, 31);
  info.avx_vnni = avx2 && bit(extended1.a, 4);
  info.avx512_bf16 = avx512 && bit(extended1.a, 5);
  info.avx512_fp16 = avx512 && bit(extended.d, 23);
  if (avx2) info.best = Isa::kAvx2;
  if (info.avx_vnni) info.best = Isa::kAvxVnni;
  if (avx512) info.best = Isa::kAvx512;
  if (avx512 && bit(extended.c, 11)) info.best = Isa::kAvx512Vnni;
  if (info.best == Isa::kAvx512Vnni && amx_state && bit(extended.d, 24) && bit(extended.d, 25) && request_amx()) {
    info.best = Isa::kAmx;
    info.amx_bf16 = bit(extended.d, 22);
  }
  info.l1_bytes = cache_bytes(_SC_LEVEL1_DCACHE_SIZE);
  info.l2_bytes = cache_bytes(_SC_LEVEL2_CACHE_SIZE);
  info.l3_bytes = cache_bytes(_SC_LEVEL3_CACHE_SIZE);
  return info;
}

Isa forced_or_best() {
  const char* forced = std::getenv("QAT_FORCE_ISA");
  if (forced == nullptr || *forced == '\0') return cpu().best;
  const Isa level = parse_isa(forced);
  if (level > cpu().best || (level == Isa::kAvxVnni && !cpu().avx_vnni)) {
    fail(Code::kUsage, "QAT_FORCE_ISA=", forced, ": this processor has ", name_of(cpu().best), " at most");
  }
  return level;
}

constexpr std::array<std::string_view, 6> kNames{"portable", "avx2", "avxvnni", "avx512", "avx512vnni", "amx"};

}  // namespace

const CpuInfo& cpu() {
  static const CpuInfo info = detect();
  return info;
}

Isa isa() {
  static const Isa level = forced_or_best();
  return level;
}

std::string_view name_of(Isa isa) { return kNames[static_cast<size_t>(isa)]; }

Isa parse_isa(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (lower(name) == kNames[i]) return static_cast<Isa>(i);
  }
  fail(Code::kUsage, "QAT_FORCE_ISA=", name, ": expected one of ", join(kNames, ", "));
}

}  // namespace qat
