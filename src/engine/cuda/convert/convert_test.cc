// Conversions against the CPU's quantize and dequantize: planes, pixels, tables, ties, NaN and infinities.
#include "engine/cuda/convert/convert.h"

#include "engine/cpu/dequantize/dequantize.h"
#include "engine/cpu/quantize/quantize.h"
#include "engine/cuda/test_support.h"

namespace qat::cuda {
namespace {

ConvertSide nhwc(Element element, int64_t h, int64_t w, int64_t pitch) {
  return {.element = element, .n = h * w * pitch, .c = 1, .h = w * pitch, .w = pitch};
}
ConvertSide nchw(int64_t channels, int64_t h, int64_t w) { return {.n = channels * h * w, .c = h * w, .h = w, .w = 1}; }

std::vector<float> awkward_floats(size_t count, Random& random) {
  std::vector<float> x(count);
  for (size_t i = 0; i < count; ++i) {
    x[i] = i % 3 ? static_cast<float>(random.normal()) : 0.125f * static_cast<float>(random.below(4001) - 2000);
  }
  const float special[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e30f, -1e30f};
  for (size_t i = 0; i < std::size(special) && i < count; ++i) x[i * count / std::size(special)] = special[i];
  return x;
}

struct Case {
  int64_t channels, height, width;
};
constexpr Case kCases[] = {{3, 8, 12}, {3, 7, 5}, {1, 6, 10}, {4, 4, 4}, {5, 3, 7}, {17, 4, 5}, {64, 1, 1}, {3, 1, 1}};

TEST(CudaConvert, QuantizesAsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(7);
  for (const Case& c : kCases) {
    for (const auto source :
         {kernels::QuantizeSource::kF32Nchw, kernels::QuantizeSource::kF32Nhwc, kernels::QuantizeSource::kU8Nhwc}) {
      kernels::QuantizeProblem q{.source = source, .channels = c.channels, .scale = 0.25f, .zero_point = 128};
      q.batch = 2, q.height = c.height, q.width = c.width, q.hi = 250;
      const int64_t pixels = q.batch * q.height * q.width;
      const bool bytes = source == kernels::QuantizeSource::kU8Nhwc;
      const std::vector<float> floats = awkward_floats(static_cast<size_t>(pixels * c.channels), random);
      std::vector<uint8_t> pictures(floats.size()), table(static_cast<size_t>(c.channels) * 256);
      for (uint8_t& x : pictures) x = static_cast<uint8_t>(random.below(256));
      for (uint8_t& x : table) x = static_cast<uint8_t>(random.below(256));
      kernels::Buffer expected(static_cast<size_t>(pixels * kernels::pitch_of(c.channels)));
      const kernels::QuantizeKernel& judge = kernels::quantize_kernels().back();
      const void* x = bytes ? static_cast<const void*>(pictures.data()) : floats.data();
      judge.run(q, {.x = x, .table = table.data(), .y = expected.data()}, 0, judge.units(q), nullptr);

      ConvertProblem p{.batch = q.batch, .channels = c.channels, .height = c.height, .width = c.width};
      p.from = source == kernels::QuantizeSource::kF32Nchw
                   ? nchw(c.channels, c.height, c.width)
                   : nhwc(bytes ? Element::kU8 : Element::kF32, c.height, c.width, c.channels);
      p.to = nhwc(Element::kU8, c.height, c.width, pitch_of(c.channels));
      p.to.scale = q.scale, p.to.zero = q.zero_point, p.to.lo = q.lo, p.to.hi = q.hi;
      p.lookup = bytes ? Lookup::kU8 : Lookup::kNone;
      const GuardedBuffer gpu_floats(floats), gpu_pictures(pictures), gpu_table(table);
      const void* gpu_x = bytes ? gpu_pictures.data() : gpu_floats.data();
      const GuardedBuffer slot(&gpu_x, sizeof(gpu_x));
      for (const ConvertKernel* kernel : kernels_here(convert_kernels())) {
        if (kernel->supports(p) != nullptr) continue;
        for (const bool through_slot : {false, true}) {
          const GuardedBuffer y(static_cast<size_t>(pixels * pitch_of(c.channels)));
          launch_and_wait(*kernel, p,
                          {.x = through_slot ? nullptr : gpu_x,
                           .x_slot = through_slot ? slot.as<const void*>() : nullptr,
                           .table = gpu_table.data(),
                           .y = y.data()});
          EXPECT_TRUE(same_pixels(expected.data(), y, pixels, c.channels))
              << kernel->name << ", source " << static_cast<int>(source) << ", " << c.channels << "x" << c.height << "x"
              << c.width;
        }
      }
    }
  }
}

TEST(CudaConvert, DequantizesAsTheCpu) {
  QAT_NEEDS_GPU();
  Random random(8);
  for (const Case& c : kCases) {
    for (const auto target : {kernels::DequantizeTarget::kF32Nhwc, kernels::DequantizeTarget::kF32Nchw}) {
      kernels::DequantizeProblem d{.target = target, .channels = c.channels, .scale = 0.37f, .zero_point = 128};
      d.batch = 2, d.height = c.height, d.width = c.width;
      const int64_t pixels = d.batch * d.height * d.width;
      kernels::Buffer x(static_cast<size_t>(pixels * kernels::pitch_of(c.channels)));
      kernels::fill_u8(x, random, kernels::Values::kRandom);
      std::vector<float> expected(static_cast<size_t>(pixels * c.channels));
      const kernels::DequantizeKernel& judge = kernels::dequantize_kernels().back();
      judge.run(d, {.x = x.data(), .y = expected.data()}, 0, judge.units(d), nullptr);

      ConvertProblem p{.batch = d.batch, .channels = c.channels, .height = c.height, .width = c.width};
      p.from = nhwc(Element::kU8, c.height, c.width, pitch_of(c.channels));
      p.from.scale = d.scale, p.from.zero = d.zero_point;
      p.to = target == kernels::DequantizeTarget::kF32Nchw ? nchw(c.channels, c.height, c.width)
                                                           : nhwc(Element::kF32, c.height, c.width, c.channels);
      const GuardedBuffer gpu_x(to_gpu_pitch(x.data(), pixels, c.channels));
      for (const ConvertKernel* kernel : kernels_here(convert_kernels())) {
        if (kernel->supports(p) != nullptr) continue;
        const GuardedBuffer y(expected.size() * sizeof(float));
        launch_and_wait(*kernel, p, {.x = gpu_x.data(), .y = y.data()});
        const std::vector<uint8_t> got = y.host();
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size()), 0) << kernel->name << ", C " << c.channels;
        EXPECT_TRUE(y.guards_intact());
      }
    }
  }
}

}  // namespace
}  // namespace qat::cuda
