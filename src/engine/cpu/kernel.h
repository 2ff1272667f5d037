// What every int8 CPU kernel is to the engine: an entry of its op's table. Plain data in and out, no graph types.
//
// An op's folder has a header (formula, problem, arguments), a table of kernels, fastest first, that ends in
// `reference`, one file per ISA, a test and, where it matters, a benchmark.
//
// Int8 activations: u8, NHWC, zero point z in 0..255, x = (u8 - z) * scale; a pixel of C channels takes pitch_of(C)
// bytes, the pad bytes hold z. Buffers are 64-byte aligned with 64 readable bytes after them. Float activations: f32,
// NHWC, pitch C. run() does not allocate or throw and changes no input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/cpu.h"

namespace qat::kernels {

constexpr int64_t kChannelGroup = 4;  // bytes that one VNNI lane takes

constexpr int64_t pitch_of(int64_t channels) { return (channels + kChannelGroup - 1) / kChannelGroup * kChannelGroup; }

// The work of a problem is `units(problem)` independent units; run() does [begin, end) of them. Any split over any
// number of threads gives the same bytes. `scratch` is 64-byte aligned, one per thread.
template <class ProblemType, class ArgsType>
struct Kernel {
  using Problem = ProblemType;
  using Args = ArgsType;

  const char* name;
  Isa isa;
  const char* (*supports)(const Problem&);  // null: it does; else the reason why not. Looks at no extent that a bound
                                            // shape sets (batch, height, width), nor at the team.
  int64_t (*units)(const Problem&);
  size_t (*scratch_bytes)(const Problem&);  // per thread
  void (*run)(const Problem&, const Args&, int64_t begin, int64_t end, void* scratch);
};

// Kernels with weights add packing, done at build time. The packed form depends on no bound extent and no team.
template <class ProblemType, class ArgsType>
struct WeightKernel : Kernel<ProblemType, ArgsType> {
  size_t (*packed_bytes)(const ProblemType&);
  void (*pack)(const ProblemType&, const int8_t* weights, void* packed);  // packed: 64-byte aligned
  void (*cut)(ProblemType&) = nullptr;  // once, when a shape is bound: how the work is cut for the problem's members
  bool prepares = false;                // for units that follow each other: a slice of them, a trial, overstates it
};

// The problem as its kernel cuts it.
template <class KernelType, class Problem>
Problem cut(const KernelType& kernel, Problem problem) {
  if constexpr (requires { kernel.cut; }) {
    if (kernel.cut) kernel.cut(problem);
  }
  return problem;
}

// May this machine, under QAT_FORCE_ISA, run a kernel of this level?
bool runnable(Isa kernel);

// The first kernel of the table that is runnable and supports the problem; the reference always does.
template <class KernelType>
const KernelType& choose(std::span<const KernelType> table, const typename KernelType::Problem& problem) {
  for (const KernelType& kernel : table)
    if (runnable(kernel.isa) && !kernel.supports(problem)) return kernel;
  return table.back();
}

// Null when no kernel has this name.
template <class KernelType>
const KernelType* find(std::span<const KernelType> table, std::string_view name) {
  for (const KernelType& kernel : table)
    if (name == kernel.name) return &kernel;
  return nullptr;
}

// For entries without conditions or scratch.
template <class Problem>
const char* supports_all(const Problem&) {
  return nullptr;
}
template <class Problem>
size_t no_scratch(const Problem&) {
  return 0;
}

}  // namespace qat::kernels
