// How far a layer is from what the machine can do: its time against the time that its operations or its bytes need.
//
//   compute  operations / peak of its type                (tdpbusd where the kernel is AMX's, else vpdpbusd or the
//                                                          level's own product; f32 by fma)
//   memory   weights / far + activations / near           near: L2, where inputs and output fit into it; far elsewhere
//   share    max(compute, memory) / measured time
// Weights come from afar when those of the whole network do not fit into L2. Peaks are measured on all threads at once
// (runtime/peak_rate.h), on as many as there are cores.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/runtime/session.h"

namespace qat::engine {

enum class Peak : uint8_t { kInt8, kAmx, kFloat, kNear, kFar, kCount };

struct Roof {
  int threads = 1;  // measured on: those asked for, at most the cores that the process may use
  double int8_operations = 0, float_operations = 0;  // per second; a multiply-add is two
  double amx_operations = 0;                         // the same of int8 by AMX; 0: the machine may run none
  double near_bytes = 0, far_bytes = 0;              // per second: from L2, and from what lies behind it
  double near_size = 0;                              // bytes of all L2 caches used
  // By how much half of a peak's readings fall short of it, by the wall's clock: of a busy machine.
  std::array<double, static_cast<size_t>(Peak::kCount)> spread{};

  double& spread_of(Peak peak) { return spread[static_cast<size_t>(peak)]; }
  double spread_of(Peak peak) const { return spread[static_cast<size_t>(peak)]; }
};

// Measures this machine; some 0.1 s.
Roof measure_roof(int threads);

// Operations per second that int8 layers on this kernel are held against.
double int8_peak(const Roof& roof, std::string_view kernel);

enum class Bound { kCompute, kMemory, kUnknown };

struct Reached {
  Bound bound = Bound::kUnknown;  // unknown: bf16, which has no peak of its own here
  Peak peak = Peak::kCount;       // that the bound rests on, or most of it
  double milliseconds = 0;        // that the bound needs
  double share = 0;               // of the bound's rate that the layer reached
  double most = 0;                // share that it may reach where all its bytes are near, by kernels::most_of_peak
};
Reached reached(const StepProfile& step, const Roof& roof, double all_weights);

}  // namespace qat::engine
