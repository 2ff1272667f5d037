// The reference against a plain formula; every other kernel against the reference, bit for bit.
#include "engine/cpu/pool/pool.h"

#include "engine/cpu/test_support.h"

namespace qat::kernels {
namespace {

Buffer run_kernel(const PoolKernel& kernel, const PoolProblem& p, const Buffer& x, int parts) {
  Buffer y(static_cast<size_t>(p.batch * p.out_h * p.out_w * pitch_of(p.channels)));
  run_split(kernel, p, {.x = x.data(), .y = y.data()}, parts);
  return y;
}

PoolProblem with_outputs(PoolProblem p) {
  if (p.kind == Pool::kGlobal) return p;
  p.out_h = (p.in_h + p.pad_top + p.pad_bottom - p.dilation_h * (p.kernel_h - 1) - 1) / p.stride_h + 1;
  p.out_w = (p.in_w + p.pad_left + p.pad_right - p.dilation_w * (p.kernel_w - 1) - 1) / p.stride_w + 1;
  return p;
}

std::vector<PoolProblem> problems() {
  const PoolProblem max3{.channels = 64,
                         .kernel_h = 3,
                         .kernel_w = 3,
                         .stride_h = 2,
                         .stride_w = 2,
                         .pad_top = 1,
                         .pad_left = 1,
                         .pad_bottom = 1,
                         .pad_right = 1,
                         .in_h = 11,
                         .in_w = 14};
  std::vector<PoolProblem> list;
  for (const int64_t channels : {1, 3, 16, 31, 64, 65, 130}) {
    for (const Pool kind : {Pool::kMax, Pool::kAverage, Pool::kGlobal}) {
      PoolProblem p = max3;
      p.kind = kind, p.channels = channels, p.batch = 2;
      list.push_back(p);
      p.count_include_pad = true;
      list.push_back(p);
      p.pad_top = p.pad_left = 0, p.kernel_h = 2, p.stride_w = 1;
      list.push_back(p);
      if (kind == Pool::kMax) {
        p.dilation_h = 2, p.dilation_w = 3;
        list.push_back(p);
      }
    }
  }
  for (PoolProblem& p : list) p = with_outputs(p);
  PoolProblem ceil = with_outputs(max3);  // a last window that hangs over the padded image, as ceil_mode asks
  ceil.kind = Pool::kAverage, ceil.count_include_pad = true, ceil.out_h += 1, ceil.in_h = 12;
  ceil.kernel_h = 4;
  list.push_back(ceil);
  return list;
}

// sum, count and maximum over the window, written from the definition.
uint8_t formula(const PoolProblem& p, const Buffer& x, int64_t n, int64_t h, int64_t w, int64_t c) {
  int64_t sum = 0, inside = 0, padded = 0, best = 0;
  const bool global = p.kind == Pool::kGlobal;
  for (int64_t r = 0; r < (global ? p.in_h : p.kernel_h); ++r) {
    for (int64_t s = 0; s < (global ? p.in_w : p.kernel_w); ++s) {
      const int64_t ih = global ? r : h * p.stride_h - p.pad_top + r * p.dilation_h;
      const int64_t iw = global ? s : w * p.stride_w - p.pad_left + s * p.dilation_w;
      padded += ih < p.in_h + p.pad_bottom && iw < p.in_w + p.pad_right;
      if (ih < 0 || iw < 0 || ih >= p.in_h || iw >= p.in_w) continue;
      const int64_t v = x.data()[((n * p.in_h + ih) * p.in_w + iw) * pitch_of(p.channels) + c];
      sum += v - p.in_zero_point, ++inside, best = std::max(best, v);
    }
  }
  if (p.kind == Pool::kMax) return static_cast<uint8_t>(best);
  const int64_t count = !global && p.count_include_pad ? padded : inside;
  const float v = static_cast<float>(sum) * static_cast<float>(p.scale / static_cast<double>(count));
  const float low = static_cast<float>(p.lo - p.zero_point), high = static_cast<float>(p.hi - p.zero_point);
  return static_cast<uint8_t>(static_cast<int>(std::nearbyint(std::fmin(std::fmax(v, low), high))) + p.zero_point);
}

TEST(Pool, ReferenceIsTheFormulaAndKernelsEqualIt) {
  Random random(1);
  for (PoolProblem p : problems()) {
    for (const int32_t zero_point : {0, 128, 61}) {
      p.in_zero_point = zero_point, p.zero_point = 128 - zero_point / 2, p.lo = 1, p.hi = 254;
      p.scale = random.below(2) ? 0.5 : random.uniform(0.3, 3.0);
      Buffer x(static_cast<size_t>(p.batch * p.in_h * p.in_w * pitch_of(p.channels)));
      fill_u8(x, random, random.below(3) ? Values::kRandom : Values::kExtreme);
      const Buffer expected = run_kernel(pool_kernels().back(), p, x, 1);
      for (int64_t i = 0; i < p.batch * p.out_h * p.out_w; ++i)
        for (int64_t c = 0; c < p.channels; ++c)
          ASSERT_EQ(formula(p, x, i / (p.out_h * p.out_w), i / p.out_w % p.out_h, i % p.out_w, c),
                    expected.data()[i * pitch_of(p.channels) + c])
              << "kind " << static_cast<int>(p.kind) << " channels " << p.channels << " output " << i << "," << c;
      for (const PoolKernel* kernel : testable(pool_kernels()))
        for (const int parts : {1, 3})
          ASSERT_TRUE(same_bytes(expected, run_kernel(*kernel, p, x, parts), pitch_of(p.channels)))
              << kernel->name << " kind " << static_cast<int>(p.kind) << " channels " << p.channels;
    }
  }
}

}  // namespace
}  // namespace qat::kernels
