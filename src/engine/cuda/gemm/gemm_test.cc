// Every CUDA fully connected kernel against the CPU's reference, bit for bit.
#include "engine/cuda/gemm/gemm.h"

#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

using kernels::Buffer;
using kernels::GemmProblem;
using kernels::Values;

TEST(CudaGemm, EqualsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(1);
  for (int64_t index = 0; index < 144; ++index) {
    GemmProblem p{.channels = 1 + random.below(index % 4 ? 150 : 2100),
                  .positions = index % 3 ? 1 : 1 + random.below(9),
                  .outputs = 1 + random.below(200),
                  .rows = 1 + index % 70};
    p.in_zero_point = index % 2 ? 128 : static_cast<int32_t>(random.below(256));
    p.epilogue = kernels::make_epilogue(index, random);
    const bool floats = p.epilogue.output == kernels::Output::kF32;
    constexpr Values kValues[] = {Values::kRandom, Values::kExtreme, Values::kHigh, Values::kLow};
    const Values values = kValues[random.below(4)];
    const auto inputs = static_cast<size_t>(p.channels * p.positions), outputs = static_cast<size_t>(p.outputs);
    Buffer x(static_cast<size_t>(p.rows * p.row_bytes()));
    Buffer skip(static_cast<size_t>(p.rows * kernels::pitch_of(p.outputs)));
    Buffer expected(static_cast<size_t>(p.rows * (floats ? p.outputs * 4 : kernels::pitch_of(p.outputs))));
    kernels::fill_u8(x, random, values), kernels::fill_u8(skip, random, values);
    const std::vector<int8_t> weights = kernels::make_s8(inputs * outputs, random, values);
    const auto requant =
        kernels::make_requant(outputs, random, random.below(2) ? kernels::Scales::kSmall : kernels::Scales::kTies,
                              static_cast<double>(inputs));
    const auto& judge = kernels::gemm_kernels().back();
    std::vector<uint8_t> packed(judge.packed_bytes(p));
    judge.pack(p, weights.data(), packed.data());
    judge.run(p,
              {.x = x.data(),
               .weights = packed.data(),
               .multiplier = requant.multiplier.data(),
               .bias = requant.bias.data(),
               .skip = skip.data(),
               .y = expected.data()},
              0, judge.units(p), nullptr);
    const GuardedBuffer gpu_x(to_gpu_pitch(x.data(), p.rows * p.positions, p.channels));
    const GuardedBuffer gpu_skip(to_gpu_pitch(skip.data(), p.rows, p.outputs));
    const GuardedBuffer multiplier(requant.multiplier), bias(requant.bias);
    for (const GemmKernel* kernel : kernels_here(gemm_kernels())) {
      if (kernel->supports(p)) continue;
      packed.resize(kernel->packed_bytes(p));
      kernel->pack(p, weights.data(), packed.data());
      const GuardedBuffer gpu_weights(packed);
      const GuardedBuffer y(static_cast<size_t>(p.rows * (floats ? p.outputs * 4 : pitch_of(p.outputs))));
      launch_and_wait(*kernel, p,
                      {.x = gpu_x.data(),
                       .weights = gpu_weights.data(),
                       .multiplier = multiplier.as<float>(),
                       .bias = bias.as<float>(),
                       .skip = gpu_skip.data(),
                       .y = y.data()});
      const auto where = [&] {
        return ::testing::Message() << kernel->name << " rows " << p.rows << " inputs " << p.channels << "x"
                                    << p.positions << " outputs " << p.outputs << " epilogue " << index;
      };
      if (floats) {
        ASSERT_EQ(std::memcmp(expected.data(), y.host().data(), expected.size()), 0) << where();
        ASSERT_TRUE(y.guards_intact()) << where();
      } else {
        ASSERT_TRUE(same_pixels(expected.data(), y, p.rows, p.outputs)) << where();
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
