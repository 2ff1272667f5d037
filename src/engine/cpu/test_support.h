// What the kernels' tests share: aligned buffers with guard bytes, random and extreme values, and exact comparison.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

// 64-byte aligned, with 64 readable bytes before and after that a kernel must not change.
class Buffer {
 public:
  explicit Buffer(size_t bytes, uint8_t value = 0xA5) : storage_(bytes + 3 * 64, kGuard), bytes_(bytes) {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    offset_ = (address + 63) / 64 * 64 - address + 64;
    std::memset(data(), value, bytes);
  }
  // The copy has its own alignment.
  Buffer(const Buffer& other) : Buffer(other.bytes_) { std::memcpy(data(), other.data(), bytes_); }

  uint8_t* data() { return storage_.data() + offset_; }
  const uint8_t* data() const { return storage_.data() + offset_; }
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(data());
  }
  size_t size() const { return bytes_; }
  bool guards_intact() const {
    for (size_t i = 0; i < 64; ++i)
      if (data()[-1 - static_cast<ptrdiff_t>(i)] != kGuard || data()[bytes_ + i] != kGuard) return false;
    return true;
  }

 private:
  static constexpr uint8_t kGuard = 0x5C;
  std::vector<uint8_t> storage_;
  size_t bytes_;
  size_t offset_;
};

enum class Values { kRandom, kExtreme, kHigh, kLow };

// u8 values; kExtreme takes 0 or 255, kHigh 255, kLow 0.
inline void fill_u8(Buffer& b, Random& random, Values values) {
  for (size_t i = 0; i < b.size(); ++i) {
    const int64_t r = random.below(256);
    b.data()[i] = static_cast<uint8_t>(values == Values::kRandom    ? r
                                       : values == Values::kExtreme ? (r & 1 ? 255 : 0)
                                       : values == Values::kHigh    ? 255
                                                                    : 0);
  }
}

// To values below 128.
inline void halve(Buffer& b) {
  for (size_t i = 0; i < b.size(); ++i) b.data()[i] /= 2;
}

// s8 weights; kExtreme takes -128 or 127, kHigh 127, kLow -128.
inline std::vector<int8_t> make_s8(size_t count, Random& random, Values values) {
  std::vector<int8_t> w(count);
  for (auto& x : w) {
    const int64_t r = random.below(256) - 128;
    x = static_cast<int8_t>(values == Values::kRandom    ? r
                            : values == Values::kExtreme ? (r & 1 ? 127 : -128)
                            : values == Values::kHigh    ? 127
                                                         : -128);
  }
  return w;
}

// Multipliers and biases. kTies: halves and quarters, so that many results lie exactly between two integers.
enum class Scales { kSmall, kTies, kHuge };

struct Requant {
  std::vector<float> multiplier, bias;
};

inline Requant make_requant(size_t channels, Random& random, Scales scales, double depth) {
  Requant q;
  for (size_t k = 0; k < channels; ++k) {
    double m = random.uniform(0.5, 2.0) / (74.0 * 74.0 * std::sqrt(depth)) * 60.0, b = random.uniform(-60.0, 60.0);
    if (scales == Scales::kTies) {
      m = std::ldexp(1.0, -static_cast<int>(1 + random.below(12)));
      b = 0.25 * static_cast<double>(random.below(9) - 4);
    } else if (scales == Scales::kHuge) {
      m *= 1e30;
    }
    q.multiplier.push_back(static_cast<float>(random.below(5) ? m : -m));
    q.bias.push_back(static_cast<float>(b));
  }
  return q;
}

// Every activation, skip or not, and the three codings of an output in
// turn: `index` counts through them.
inline Epilogue make_epilogue(int64_t index, Random& random) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float s = static_cast<float>(random.uniform(0.01, 0.1));
  Epilogue e;
  switch (index % 6) {
    case 0:
      break;
    case 1:
      e.activation = Activation::kClip, e.p0 = 0.0f, e.p1 = kInf;
      break;
    case 2:
      e.activation = Activation::kClip, e.p0 = 0.0f, e.p1 = 6.0f / s;
      break;
    case 3:
      e.activation = Activation::kHardSwish, e.p0 = s / 6.0f;
      break;
    case 4:
      e.activation = Activation::kSilu, e.p0 = s;
      break;
    case 5:
      e.activation = Activation::kClip, e.p0 = -20.5f, e.p1 = 31.5f;
      break;
  }
  switch (index / 6 % 4) {
    case 0:
      e.zero_point = 0, e.lo = 0, e.hi = 127;
      break;
    case 1:
      e.zero_point = 128, e.lo = 0, e.hi = 255;
      break;
    case 2:
      e.zero_point = static_cast<int32_t>(random.below(256)), e.lo = 0, e.hi = 255;
      break;
    case 3:
      e.output = Output::kF32;
      break;
  }
  if (index / 24 % 2) {
    e.has_skip = true;
    constexpr int32_t kZeroPoints[] = {0, 128, 77, 255};
    e.skip_zero_point = kZeroPoints[random.below(4)];
    e.skip_scale = random.below(2) ? 0.5f : static_cast<float>(random.uniform(0.2, 3.0));
  }
  return e;
}

// The same; every other skip is added to a sum that is rounded first.
inline Epilogue make_cpu_epilogue(int64_t index, Random& random) {
  Epilogue e = make_epilogue(index, random);
  if (!e.has_skip) return e;
  constexpr Middle kMiddles[] = {Middle::kNone, Middle::kFirst, Middle::kNone, Middle::kSecond};
  e.middle = kMiddles[random.below(4)];
  e.middle_scale = random.below(2) ? 0.5f : static_cast<float>(random.uniform(0.2, 3.0));
  if (random.below(2)) e.middle_lo = 0, e.middle_hi = 100;
  return e;
}

// Byte by byte; says where the first difference is.
inline ::testing::AssertionResult same_bytes(const Buffer& expected, const Buffer& got, int64_t pitch) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (expected.data()[i] == got.data()[i]) continue;
    const auto at = static_cast<int64_t>(i);
    return ::testing::AssertionFailure() << "first difference at pixel " << at / pitch << ", byte " << at % pitch
                                         << ": expected " << int{expected.data()[i]} << ", got " << int{got.data()[i]};
  }
  if (!got.guards_intact()) return ::testing::AssertionFailure() << "bytes outside the output changed";
  return ::testing::AssertionSuccess();
}

// Kernels of a table that this machine can run, whatever QAT_FORCE_ISA says, without the reference at the end.
template <class KernelType>
std::vector<const KernelType*> testable(std::span<const KernelType> table) {
  std::vector<const KernelType*> list;
  for (const KernelType& kernel : table.first(table.size() - 1))
    if (kernel.isa == Isa::kAvxVnni ? cpu().avx_vnni : kernel.isa <= cpu().best) list.push_back(&kernel);
  return list;
}

// Runs all units in one go, or in `parts` unequal parts as threads would, in reverse order.
template <class KernelType>
void run_split(const KernelType& kernel, const typename KernelType::Problem& problem,
               const typename KernelType::Args& args, int parts) {
  const int64_t units = kernel.units(problem);
  for (int part = parts - 1; part >= 0; --part) {
    Buffer scratch(kernel.scratch_bytes(problem), 0xEE);
    const int64_t begin = units * part / parts, end = units * (part + 1) / parts;
    if (begin < end) kernel.run(problem, args, begin, end, scratch.data());
    ASSERT_TRUE(scratch.guards_intact()) << kernel.name << " writes past its scratch";
  }
}

}  // namespace qat::kernels
