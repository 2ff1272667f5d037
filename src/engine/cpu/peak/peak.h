// The most that one core can do, for measuring it: int8 and f32 multiply-adds from registers, bytes read from memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/cpu.h"

namespace qat::kernels {

struct PeakKernel {
  const char* name;
  Isa isa;
  int64_t int8_operations, float_operations;  // of one round; a multiply-add is two
  void (*int8)(int64_t rounds);
  void (*floats)(int64_t rounds);
  void (*read)(const std::byte* data, size_t size);  // every byte once; 64-byte aligned, size a multiple of 512
};

// Best first; the last one runs everywhere. The instructions are those of the kernels of the same level.
std::span<const PeakKernel> peak_kernels();
const PeakKernel& peak_kernel();  // the first that this machine may run

// Products of tiles, on a unit of their own that only kernels of AMX use: all others are held against peak_kernel().
struct PeakTiles {
  const char* name;
  Isa isa;
  int64_t int8_operations;  // of one round; a multiply-add is two
  void (*int8)(int64_t rounds);
};
const PeakTiles* peak_tiles();             // null where this machine may run none
bool uses_tiles(std::string_view kernel);  // an int8 kernel's name ends in its ISA

// The rate of an int8 kernel over its peak, at most: 2 of Winograd's, which is charged for four times the
// multiplications that it does at half the rate (conv/winograd.h); 1.25 of AMX's, whose unit slows down on data other
// than zeros; else 1.
double most_of_peak(std::string_view kernel);

}  // namespace qat::kernels
