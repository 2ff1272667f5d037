// Which peak a kernel is held against: its name says what its entry does, in every table of kernels with products.
#include "engine/cpu/peak/peak.h"

#include <gtest/gtest.h>

#include "engine/cpu/conv/conv.h"
#include "engine/cpu/depthwise/depthwise.h"
#include "engine/cpu/gemm/gemm.h"

namespace qat::kernels {
namespace {

template <class KernelType>
int check_names(std::span<const KernelType> table) {
  int tiles = 0;
  for (const KernelType& kernel : table) {
    EXPECT_EQ(uses_tiles(kernel.name), kernel.isa == Isa::kAmx) << kernel.name;
    bool prepares = false;
    if constexpr (requires { kernel.prepares; }) prepares = kernel.prepares;
    EXPECT_EQ(most_of_peak(kernel.name), prepares ? 2 : kernel.isa == Isa::kAmx ? 1.25 : 1) << kernel.name;
    tiles += kernel.isa == Isa::kAmx;
  }
  return tiles;
}

TEST(Peak, NamesTellKernelsOfTiles) {
  EXPECT_EQ(check_names(conv_kernels()), 1);
  EXPECT_EQ(check_names(gemm_kernels()), 1);
  EXPECT_EQ(check_names(depthwise_kernels()), 0);
}

TEST(Peak, TilesHaveOneWhereTheyRun) {
  const PeakTiles* tiles = peak_tiles();
  ASSERT_EQ(tiles != nullptr, runnable(Isa::kAmx));
  if (tiles == nullptr) GTEST_SKIP() << "no AMX here";
  EXPECT_TRUE(uses_tiles(tiles->name));
  EXPECT_EQ(tiles->isa, Isa::kAmx);
  EXPECT_EQ(tiles->int8_operations, 2 * 4 * 16 * 16 * 64);
  tiles->int8(1);
}

}  // namespace
}  // namespace qat::kernels
