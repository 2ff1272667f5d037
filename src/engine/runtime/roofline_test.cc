// Rooflines: a step's bound by hand, and peaks that are in the order that any machine has.
#include "engine/runtime/roofline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/threads.h"
#include "engine/cpu/kernel.h"
#include "engine/cpu/peak/peak.h"

namespace qat::engine {
namespace {

constexpr Roof kRoof{.threads = 1,
                     .int8_operations = 1e12,
                     .float_operations = 2e11,
                     .near_bytes = 1e11,
                     .far_bytes = 1e10,
                     .near_size = 1e6};

TEST(Roofline, ComputeBoundByHand) {
  // 2e9 operations: 2 ms; 1e6 bytes of weights from afar: 0.1 ms; 5e5 bytes of activations from L2: 5 us.
  const StepProfile step{
      .precision = "int8", .milliseconds = 4, .operations = 2e9, .bytes = 1.5e6, .weight_bytes = 1e6};
  const Reached r = reached(step, kRoof, 2e7);
  EXPECT_EQ(r.bound, Bound::kCompute);
  EXPECT_EQ(r.peak, Peak::kInt8);
  EXPECT_DOUBLE_EQ(r.milliseconds, 2);
  EXPECT_DOUBLE_EQ(r.share, 0.5);
  EXPECT_DOUBLE_EQ(r.most, 1);
}

TEST(Roofline, MemoryBoundByHand) {
  // Float: 2e8 operations, 1 ms. Activations of 3e7 bytes come from afar: 3 ms; weights that fit into L2: 1e5 bytes, 1
  // us.
  const StepProfile step{
      .precision = "fp32", .milliseconds = 6.002, .operations = 2e8, .bytes = 3.01e7, .weight_bytes = 1e5};
  const Reached r = reached(step, kRoof, 5e5);
  EXPECT_EQ(r.bound, Bound::kMemory);
  EXPECT_NEAR(r.milliseconds, 3.001, 1e-9);
  EXPECT_EQ(r.peak, Peak::kFar);
  EXPECT_NEAR(r.share, 0.5, 1e-9);
  EXPECT_NEAR(r.most, 3.001, 1e-9);  // all of it near takes 0.3 ms, less than the operations' 1 ms
}

TEST(Roofline, TypesWithoutAPeakHaveNoBound) {
  const StepProfile step{.precision = "bf16", .milliseconds = 1, .operations = 1e9, .bytes = 1e6};
  EXPECT_EQ(reached(step, kRoof, 0).bound, Bound::kUnknown);
}

TEST(Roofline, AmxLayersAreHeldAgainstAmx) {
  Roof roof = kRoof;
  roof.amx_operations = 8e12;
  StepProfile step{.precision = "int8", .milliseconds = 1, .operations = 2e9, .bytes = 1e5};
  for (const char* kernel : {"conv_s8_16x32_amx", "gemm_s8_16x32_amx"}) {
    step.kernel = kernel;
    EXPECT_DOUBLE_EQ(reached(step, roof, 0).milliseconds, 0.25) << kernel;
    EXPECT_DOUBLE_EQ(reached(step, roof, 0).share, 0.25) << kernel;
    EXPECT_DOUBLE_EQ(reached(step, roof, 0).most, 1.25) << kernel;
    EXPECT_EQ(reached(step, roof, 0).peak, Peak::kAmx) << kernel;
  }
  for (const char* kernel : {"conv_s8_14x32_avx512vnni", "conv_s8_winograd_avx512vnni", "gemm_s8_reference", ""}) {
    step.kernel = kernel;
    EXPECT_DOUBLE_EQ(reached(step, roof, 0).milliseconds, 2) << kernel;
  }
  // oneDNN's names end so, too.
  step.kernel = "brgconv:avx512_core_amx", step.precision = "fp32";
  EXPECT_DOUBLE_EQ(reached(step, roof, 0).milliseconds, 10);
  EXPECT_DOUBLE_EQ(reached(step, roof, 0).most, 1);
  EXPECT_EQ(reached(step, roof, 0).peak, Peak::kFloat);
}

TEST(Roofline, MeasuredPeaksAreInOrder) {
  for (const int threads : {1, 2}) {
    const Roof roof = measure_roof(threads);
    EXPECT_EQ(roof.threads, std::min(threads, usable_cpus()));
    EXPECT_GT(roof.int8_operations, roof.float_operations);
    EXPECT_GT(roof.float_operations, 1e8);
    if (kernels::runnable(Isa::kAmx)) {
      EXPECT_GT(roof.amx_operations, 1e8);
    } else {
      EXPECT_EQ(roof.amx_operations, 0);
    }
    EXPECT_GT(roof.near_bytes, 1e8);
    EXPECT_GT(roof.far_bytes, 1e8);
    EXPECT_GT(roof.near_size, 0);
  }
}

// Threads beyond the cores add nothing to what the machine can do.
TEST(Roofline, ThereAreNoMorePeaksThanCores) {
  const Roof roof = measure_roof(4 * usable_cpus());
  EXPECT_EQ(roof.threads, usable_cpus());
  EXPECT_EQ(roof.near_size, measure_roof(usable_cpus()).near_size);
}

// Threads that wait for their cores lower no peak of products, and raise none: peak_rate_test.cc has the exact limits.
TEST(Roofline, ABusyMachineHasThePeaksOfAnIdleOne) {
  const Roof idle = measure_roof(2);
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  const auto count = static_cast<size_t>(usable_cpus()) * 2;
  others.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    others.emplace_back([&stop] {
      while (!stop) continue;
    });
  }
  const Roof busy = measure_roof(2);
  stop = true;
  for (std::thread& other : others) other.join();
  for (const auto peak : {&Roof::int8_operations, &Roof::float_operations}) {
    EXPECT_GT(busy.*peak, 0.3 * idle.*peak);
    EXPECT_LT(busy.*peak, 3 * idle.*peak);
  }
}

TEST(Roofline, EveryLevelHasAPeak) {
  for (const kernels::PeakKernel& peak : kernels::peak_kernels()) {
    const bool vnni = peak.isa == Isa::kAvxVnni;
    if (vnni ? !cpu().avx_vnni : peak.isa > cpu().best) continue;
    peak.int8(1), peak.floats(1);
    alignas(64) std::byte data[1024]{};
    peak.read(data, sizeof(data));
    EXPECT_GT(peak.int8_operations, peak.float_operations) << peak.name;
  }
}

}  // namespace
}  // namespace qat::engine
