// Quantize, dequantize, add, mul, concat and lut: references against their formulas, kernels against references.
#include "engine/cpu/add/add.h"
#include "engine/cpu/concat/concat.h"
#include "engine/cpu/dequantize/dequantize.h"
#include "engine/cpu/lut/lut.h"
#include "engine/cpu/mul/mul.h"
#include "engine/cpu/quantize/quantize.h"
#include "engine/cpu/test_support.h"

namespace qat::kernels {
namespace {

constexpr int64_t kChannels[] = {1, 2, 3, 4, 5, 16, 17, 31, 64, 100};

// Runs every kernel into a buffer of its own and compares it with the reference's.
template <class KernelType, class Run>
void compare_all(std::span<const KernelType> table, const typename KernelType::Problem& p, size_t y_bytes,
                 int64_t pitch, const Run& args_for) {
  Buffer expected(y_bytes);
  run_split(table.back(), p, args_for(expected), 1);
  for (const KernelType* kernel : testable(table)) {
    if (kernel->supports(p)) continue;
    for (const int parts : {1, 3}) {
      Buffer y(y_bytes);
      run_split(*kernel, p, args_for(y), parts);
      ASSERT_TRUE(same_bytes(expected, y, pitch)) << kernel->name << " channels " << p.channels;
    }
  }
}

// Floats around the ties of the scale, and the values that break careless code.
std::vector<float> tricky_floats(size_t count, float scale, Random& random) {
  std::vector<float> x(count + 16);
  for (float& v : x) {
    switch (random.below(8)) {
      case 0:
        v = scale * (static_cast<float>(random.below(300) - 150) + 0.5f);
        break;
      case 1:
        v = std::nextafter(scale * (static_cast<float>(random.below(300) - 150) + 0.5f), 0.0f);
        break;
      case 2:
        v = random.below(2) ? std::numeric_limits<float>::infinity() : -1e30f;
        break;
      case 3:
        v = random.below(8) ? -0.0f : std::numeric_limits<float>::quiet_NaN();
        break;
      default:
        v = static_cast<float>(random.uniform(-200.0, 200.0)) * scale;
    }
  }
  return x;
}

TEST(Quantize, KernelsEqualTheReference) {
  Random random(1);
  for (const QuantizeSource source : {QuantizeSource::kF32Nchw, QuantizeSource::kF32Nhwc, QuantizeSource::kU8Nhwc}) {
    for (const int64_t channels : kChannels) {
      for (const int32_t zero_point : {0, 128, 255, 19}) {
        QuantizeProblem p{.source = source,
                          .channels = channels,
                          .scale = static_cast<float>(random.uniform(0.001, 1)),
                          .zero_point = zero_point,
                          .lo = random.below(2) ? 0 : zero_point / 2,
                          .batch = 2,
                          .height = 3,
                          .width = 1 + random.below(40)};
        const auto values = static_cast<size_t>(p.batch * p.height * p.width * channels);
        const std::vector<float> x = tricky_floats(values, p.scale, random);
        Buffer bytes(values), table(static_cast<size_t>(256 * channels));
        fill_u8(bytes, random, Values::kRandom);
        fill_u8(table, random, Values::kRandom);
        const void* from = source == QuantizeSource::kU8Nhwc ? static_cast<const void*>(bytes.data()) : x.data();
        compare_all(quantize_kernels(), p, static_cast<size_t>(p.batch * p.height * p.width * pitch_of(channels)),
                    pitch_of(channels),
                    [&](Buffer& y) { return QuantizeArgs{.x = from, .table = table.data(), .y = y.data()}; });
      }
    }
  }
}

TEST(Quantize, ReferenceIsTheFormula) {
  const float x[] = {0.5f, 1.5f, -0.5f, 2.5f, 1000.0f, -1000.0f, std::nanf("")};
  QuantizeProblem p{.zero_point = 128, .lo = 1, .hi = 255, .width = 7};
  Buffer y(7 * 4);
  quantize_kernels().back().run(p, {.x = x, .y = y.data()}, 0, 1, nullptr);
  const uint8_t expected[] = {128, 130, 128, 130, 255, 1, 1};
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(expected[i], y.data()[4 * i]) << i;
    EXPECT_EQ(128, y.data()[4 * i + 3]) << "pad of " << i;
  }
}

TEST(Dequantize, KernelsEqualTheReferenceAndTheFormula) {
  Random random(2);
  for (const DequantizeTarget target : {DequantizeTarget::kF32Nhwc, DequantizeTarget::kF32Nchw}) {
    for (const int64_t channels : kChannels) {
      const DequantizeProblem p{.target = target,
                                .channels = channels,
                                .scale = 0.37f,
                                .zero_point = 77,
                                .batch = 2,
                                .height = 3,
                                .width = 5};
      Buffer x(static_cast<size_t>(30 * pitch_of(channels)));
      fill_u8(x, random, Values::kRandom);
      compare_all(dequantize_kernels(), p, static_cast<size_t>(30 * channels * 4), channels * 4,
                  [&](Buffer& y) { return DequantizeArgs{.x = x.data(), .y = y.as<float>()}; });
      const DequantizeProblem vector{
          .target = target, .channels = channels, .scale = 0.37f, .zero_point = 77, .batch = 30};
      compare_all(dequantize_kernels(), vector, static_cast<size_t>(30 * channels * 4), channels * 4,
                  [&](Buffer& y) { return DequantizeArgs{.x = x.data(), .y = y.as<float>()}; });
      Buffer y(static_cast<size_t>(30 * channels * 4));
      run_split(dequantize_kernels().back(), p, {.x = x.data(), .y = y.as<float>()}, 1);
      const int64_t c = channels - 1, n = 1, h = 2, w = 4;
      const int64_t index = target == DequantizeTarget::kF32Nhwc ? ((n * 3 + h) * 5 + w) * channels + c
                                                                 : ((n * channels + c) * 3 + h) * 5 + w;
      EXPECT_EQ(static_cast<float>(x.data()[29 * pitch_of(channels) + c] - 77) * 0.37f, y.as<float>()[index]);
    }
  }
}

TEST(Add, KernelsEqualTheReferenceAndTheFormula) {
  Random random(3);
  int64_t index = 0;
  for (const int64_t channels : kChannels) {
    for (int64_t i = 0; i < 24; ++i) {
      AddProblem p{.channels = channels,
                   .a_zero_point = static_cast<int32_t>(random.below(256)),
                   .b_zero_point = 128,
                   .a_scale = i % 2 ? 0.5f : static_cast<float>(random.uniform(0.1, 2)),
                   .b_scale = 0.25f,
                   .epilogue = make_epilogue(index++ % 24, random),
                   .pixels = 1 + random.below(20)};
      Buffer a(static_cast<size_t>(p.pixels * pitch_of(channels))), b(a.size());
      fill_u8(a, random, Values::kRandom);
      fill_u8(b, random, i % 3 ? Values::kRandom : Values::kExtreme);
      const int64_t pitch = output_pitch(p.epilogue, channels) * (p.epilogue.output == Output::kF32 ? 4 : 1);
      compare_all(add_kernels(), p, static_cast<size_t>(p.pixels * pitch), pitch,
                  [&](Buffer& y) { return AddArgs{.a = a.data(), .b = b.data(), .y = y.data()}; });
      Buffer y(static_cast<size_t>(p.pixels * channels * 4));
      p.epilogue = {.output = Output::kF32};
      run_split(add_kernels().back(), p, {.a = a.data(), .b = b.data(), .y = y.data()}, 1);
      const float first = static_cast<float>(a.data()[0] - p.a_zero_point) * p.a_scale;
      EXPECT_EQ(std::fma(static_cast<float>(b.data()[0] - 128), 0.25f, first), y.as<float>()[0]);
    }
  }
}

TEST(Mul, KernelsEqualTheReferenceAndTheFormula) {
  Random random(4);
  int64_t index = 0;
  for (const MulShape shape : {MulShape::kGate, MulShape::kSame}) {
    for (const int64_t channels : kChannels) {
      for (int64_t i = 0; i < 24; ++i) {
        MulProblem p{.shape = shape,
                     .channels = channels,
                     .a_zero_point = static_cast<int32_t>(random.below(256)),
                     .b_zero_point = i % 2 ? 0 : 128,
                     .scale = i % 3 ? 0.015625f : 0.0123f,
                     .epilogue = make_epilogue(index++ % 24, random),
                     .batch = 2,
                     .pixels = 1 + random.below(9)};
        Buffer a(static_cast<size_t>(p.batch * p.pixels * pitch_of(channels))), b(a.size());
        fill_u8(a, random, Values::kRandom);
        fill_u8(b, random, Values::kRandom);
        const int64_t pitch = output_pitch(p.epilogue, channels) * (p.epilogue.output == Output::kF32 ? 4 : 1);
        compare_all(mul_kernels(), p, static_cast<size_t>(p.batch * p.pixels * pitch), pitch,
                    [&](Buffer& y) { return MulArgs{.a = a.data(), .b = b.data(), .y = y.data()}; });
        Buffer y(static_cast<size_t>(p.batch * p.pixels * channels * 4));
        p.epilogue = {.output = Output::kF32};
        run_split(mul_kernels().back(), p, {.a = a.data(), .b = b.data(), .y = y.data()}, 1);
        const int64_t last = p.batch * p.pixels - 1, gate = shape == MulShape::kGate ? 1 : last;
        const int product = (a.data()[last * pitch_of(channels)] - p.a_zero_point) *
                            (b.data()[gate * pitch_of(channels)] - p.b_zero_point);
        EXPECT_EQ(static_cast<float>(product) * p.scale, y.as<float>()[last * channels]);
      }
    }
  }
}

TEST(Concat, IsTheFormula) {
  Random random(5);
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<ConcatInput> inputs;
    std::vector<Buffer> x;
    std::vector<const uint8_t*> pointers;
    const int64_t pixels = 1 + random.below(9);
    for (int64_t i = 0; i < 1 + trial % 4; ++i) {
      inputs.push_back({.channels = 1 + random.below(40),
                        .zero_point = random.below(2) ? 128 : 5,
                        .scale = random.below(2) ? 1.0f : 0.5f});
      x.emplace_back(static_cast<size_t>(pixels * pitch_of(inputs.back().channels)));
      fill_u8(x.back(), random, Values::kRandom);
    }
    pointers.reserve(x.size());
    for (const Buffer& b : x) pointers.push_back(b.data());
    const ConcatProblem p{.inputs = inputs, .zero_point = 128, .pixels = pixels};
    Buffer y(static_cast<size_t>(pixels * pitch_of(p.channels())));
    run_split(concat_kernels().back(), p, {.x = pointers.data(), .y = y.data()}, 1 + trial % 2);
    int64_t offset = 0;
    for (size_t i = 0; i < inputs.size(); offset += inputs[i++].channels) {
      for (int64_t n = 0; n < pixels * inputs[i].channels; ++n) {
        const int64_t pixel = n / inputs[i].channels, c = n % inputs[i].channels;
        const int v = x[i].data()[pixel * pitch_of(inputs[i].channels) + c] - inputs[i].zero_point;
        const int q = static_cast<int>(std::nearbyint(static_cast<float>(v) * inputs[i].scale));
        ASSERT_EQ(std::clamp(q, -128, 127) + 128, y.data()[pixel * pitch_of(p.channels()) + offset + c])
            << "input " << i << " pixel " << pixel << " channel " << c;
      }
    }
  }
}

TEST(Concat, KernelsEqualTheReference) {
  Random random(15);
  for (int trial = 0; trial < 60; ++trial) {
    std::vector<ConcatInput> inputs;
    std::vector<Buffer> x;
    std::vector<const uint8_t*> pointers;
    const int64_t pixels = 1 + random.below(9);
    for (int64_t i = 0; i < 1 + trial % 4; ++i) {
      inputs.push_back({.channels = 1 + random.below(150),
                        .zero_point = static_cast<int32_t>(random.below(2) ? 99 : random.below(256)),
                        .scale = random.below(2) ? 1.0f : static_cast<float>(random.uniform(0.1, 3.0))});
      x.emplace_back(static_cast<size_t>(pixels * pitch_of(inputs.back().channels)));
      fill_u8(x.back(), random, Values::kRandom);
    }
    pointers.reserve(x.size());
    for (const Buffer& b : x) pointers.push_back(b.data());
    const ConcatProblem p{.inputs = inputs, .zero_point = 99, .lo = trial % 2 ? 0 : 20, .hi = 230, .pixels = pixels};
    Buffer expected(static_cast<size_t>(pixels * pitch_of(p.channels())));
    run_split(concat_kernels().back(), p, {.x = pointers.data(), .y = expected.data()}, 1);
    for (const ConcatKernel* kernel : testable(concat_kernels())) {
      Buffer y(expected.size());
      run_split(*kernel, p, {.x = pointers.data(), .y = y.data()}, 1 + trial % 2);
      ASSERT_TRUE(same_bytes(expected, y, pitch_of(p.channels()))) << kernel->name << " trial " << trial;
    }
  }
}

// Random tables, tables that only clamp, and tables that nearly do; in place as well.
TEST(Lut, KernelsEqualTheTable) {
  Random random(6);
  for (int trial = 0; trial < 60; ++trial) {
    const LutProblem p{.channels = 1 + random.below(70), .zero_point = 9, .pixels = 1 + random.below(20)};
    const int64_t pitch = pitch_of(p.channels), low = random.below(100), high = 120 + random.below(136);
    Buffer x(static_cast<size_t>(p.pixels * pitch)), table(256), expected(x.size());
    fill_u8(x, random, Values::kRandom);
    for (int64_t i = 0; i < 256; ++i)
      table.data()[i] = static_cast<uint8_t>(trial % 3 ? std::clamp(i, low, high) : random.below(256));
    if (trial % 3 == 2) table.data()[random.below(256)] ^= 1;
    for (int64_t i = 0; i < p.pixels * pitch; ++i)
      expected.data()[i] = i % pitch < p.channels ? table.data()[x.data()[i]] : 9;
    for (const LutKernel& kernel : lut_kernels()) {
      if (kernel.isa > cpu().best) continue;
      for (const int parts : {1, 2}) {
        Buffer y(x.size()), in_place(x);
        run_split(kernel, p, {.x = x.data(), .table = table.data(), .y = y.data()}, parts);
        ASSERT_TRUE(same_bytes(expected, y, pitch)) << kernel.name << " trial " << trial;
        run_split(kernel, p, {.x = in_place.data(), .table = table.data(), .y = in_place.data()}, parts);
        ASSERT_TRUE(same_bytes(expected, in_place, pitch)) << kernel.name << " in place, trial " << trial;
      }
    }
  }
}

}  // namespace
}  // namespace qat::kernels
