// The reference against the formula; every other kernel against the reference, bit for bit.
#include "engine/cpu/gemm/gemm.h"

#include "engine/cpu/test_support.h"

namespace qat::kernels {
namespace {

struct Data {
  Buffer x, skip;
  std::vector<int8_t> weights;
  Requant requant;
};

Data make_data(const GemmProblem& p, Random& random, Values values, Scales scales) {
  const auto inputs = static_cast<size_t>(p.channels * p.positions), outputs = static_cast<size_t>(p.outputs);
  Data d{Buffer(static_cast<size_t>(p.rows * p.row_bytes())), Buffer(static_cast<size_t>(p.rows * pitch_of(p.outputs))),
         make_s8(inputs * outputs, random, values), make_requant(outputs, random, scales, static_cast<double>(inputs))};
  fill_u8(d.x, random, values);
  fill_u8(d.skip, random, values);
  if (p.in_highest == 127) halve(d.x);
  return d;
}

Buffer run_kernel(const GemmKernel& kernel, const GemmProblem& p, const Data& d, int parts) {
  Buffer packed(kernel.packed_bytes(p));
  kernel.pack(p, d.weights.data(), packed.data());
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  Buffer y(static_cast<size_t>(p.rows * output_pitch(p.epilogue, p.outputs) * element));
  run_split(kernel, p,
            {.x = d.x.data(),
             .weights = packed.data(),
             .multiplier = d.requant.multiplier.data(),
             .bias = d.requant.bias.data(),
             .skip = p.epilogue.has_skip ? d.skip.data() : nullptr,
             .y = y.data()},
            parts);
  return y;
}

// A flattened image: weights come in the order of a flattened NCHW tensor.
TEST(Gemm, ReferenceIsTheFormula) {
  Random random(1);
  GemmProblem p{.channels = 5, .positions = 6, .outputs = 7, .in_zero_point = 100, .rows = 3};
  p.epilogue.output = Output::kF32;
  Data d = make_data(p, random, Values::kRandom, Scales::kSmall);
  Buffer y = run_kernel(gemm_kernels().back(), p, d, 1);
  for (int64_t n = 0; n < p.rows; ++n) {
    for (int64_t k = 0; k < p.outputs; ++k) {
      int64_t acc = 0;
      for (int64_t c = 0; c < p.channels; ++c)
        for (int64_t i = 0; i < p.positions; ++i)
          acc += (d.x.data()[n * p.row_bytes() + i * pitch_of(p.channels) + c] - 100) *
                 d.weights[static_cast<size_t>((k * p.channels + c) * p.positions + i)];
      const auto at = static_cast<size_t>(k);
      const float expected = std::fma(static_cast<float>(acc), d.requant.multiplier[at], d.requant.bias[at]);
      ASSERT_EQ(expected, y.as<float>()[n * p.outputs + k]) << n << "," << k;
    }
  }
}

TEST(Gemm, KernelsEqualTheReference) {
  Random random(2);
  for (int64_t index = 0; index < 192; ++index) {
    GemmProblem p{.channels = 1 + random.below(150),
                  .positions = index % 3 ? 1 : 1 + random.below(9),
                  .outputs = 1 + random.below(100),
                  .rows = 1 + index % 33};
    p.in_zero_point = index % 2 ? 128 : static_cast<int32_t>(random.below(256));
    if (index % 3 == 0) p.in_highest = 127, p.in_zero_point /= 3;
    p.epilogue = make_cpu_epilogue(index, random);
    constexpr Values kValues[] = {Values::kRandom, Values::kExtreme, Values::kHigh, Values::kLow};
    const Data d = make_data(p, random, kValues[random.below(4)], random.below(2) ? Scales::kSmall : Scales::kTies);
    const Buffer expected = run_kernel(gemm_kernels().back(), p, d, 1);
    for (const GemmKernel* kernel : testable(gemm_kernels())) {
      if (kernel->supports(p)) continue;
      for (const int parts : {1, 2})
        ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, d, parts), p.outputs))
            << kernel->name << " rows " << p.rows << " inputs " << p.channels << "x" << p.positions << " outputs "
            << p.outputs << " epilogue " << index;
    }
  }
}

}  // namespace
}  // namespace qat::kernels
