// For tests: one tensor on the host and on the device, filled alike, compared after a kernel and its twin ran on it.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "base/half.h"
#include "base/random.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

inline bool has_gpu() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess && count > 0;
}

#define QAT_NEEDS_GPU() \
  if (!has_gpu()) GTEST_SKIP() << "no GPU here"

inline void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

inline void synchronize() { check(cudaDeviceSynchronize()); }

// `size` elements of E and a guard behind them. Elements start as bytes 0xA5: what a kernel leaves out shows.
template <class E>
class Both {
 public:
  explicit Both(int64_t size, bool zero = false) : host_(static_cast<size_t>(size)) {
    std::memset(static_cast<void*>(host_.data()), zero ? 0 : 0xA5, bytes());
    check(cudaMalloc(&device_, bytes() + kGuard));
    check(cudaMemset(device_ + bytes(), 0x5A, kGuard));
    upload();
  }
  Both(std::initializer_list<E> values) : Both(std::vector<E>(values)) {}
  explicit Both(const std::vector<E>& values) : Both(static_cast<int64_t>(values.size())) {
    host_ = values;
    upload();
  }
  ~Both() { cudaFree(device_); }
  Both(const Both&) = delete;
  Both& operator=(const Both&) = delete;

  E* at(bool device) { return device ? reinterpret_cast<E*>(device_) : host_.data(); }
  std::vector<E>& host() { return host_; }
  int64_t size() const { return static_cast<int64_t>(host_.size()); }
  void upload() { check(cudaMemcpy(device_, host_.data(), bytes(), cudaMemcpyHostToDevice)); }

  std::vector<E> download() const {
    std::vector<E> values(host_.size());
    check(cudaMemcpy(values.data(), device_, bytes(), cudaMemcpyDeviceToHost));
    return values;
  }

  // Bit for bit; a NaN equals any NaN. `row`: elements of a row, for coordinates.
  void expect_same(const std::string& what, int64_t row = 1) const {
    const std::vector<E> device = download();
    int64_t wrong = 0;
    std::string first;
    for (size_t i = 0; i < device.size(); ++i) {
      if (same(host_[i], device[i])) continue;
      if (wrong++ == 0) {
        const auto at = static_cast<int64_t>(i);
        first = "first at [" + std::to_string(at / row) + ", " + std::to_string(at % row) + "]: twin " +
                text(host_[i]) + ", device " + text(device[i]);
      }
    }
    EXPECT_EQ(wrong, 0) << what << ": " << first << " of " << device.size() << " values";
    std::vector<unsigned char> guard(kGuard);
    check(cudaMemcpy(guard.data(), device_ + bytes(), kGuard, cudaMemcpyDeviceToHost));
    EXPECT_EQ(guard, std::vector<unsigned char>(kGuard, 0x5A)) << what << ": wrote past the end";
  }

 private:
  static constexpr size_t kGuard = 256;
  size_t bytes() const { return host_.size() * sizeof(E); }

  static double number(BFloat16 v) { return static_cast<double>(to_float(v)); }
  template <class N>
  static double number(N v) {
    return static_cast<double>(v);
  }
  static bool same(const E& a, const E& b) {
    return std::memcmp(&a, &b, sizeof(E)) == 0 || (std::isnan(number(a)) && std::isnan(number(b)));
  }
  static std::string text(const E& v) {
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "%.9g (%a)", number(v), number(v));
    return buffer;
  }

  std::vector<E> host_;
  char* device_ = nullptr;
};

// A tensor of either type from floats.
class BothTensor {
 public:
  BothTensor(Type type, const std::vector<float>& values)
      : type_(type), halves_(kind(Type::kBF16, values.size())), floats_(kind(Type::kF32, values.size())) {
    for (size_t i = 0; i < values.size(); ++i) {
      type == Type::kBF16 ? static_cast<void>(halves_.host()[i] = to_bfloat16(values[i]))
                          : static_cast<void>(floats_.host()[i] = values[i]);
    }
    type == Type::kBF16 ? halves_.upload() : floats_.upload();
  }
  BothTensor(Type type, int64_t size)
      : type_(type),
        halves_(kind(Type::kBF16, static_cast<size_t>(size))),
        floats_(kind(Type::kF32, static_cast<size_t>(size))) {}

  void* at(bool device) {
    return type_ == Type::kBF16 ? static_cast<void*>(halves_.at(device)) : static_cast<void*>(floats_.at(device));
  }
  void expect_same(const std::string& what, int64_t row = 1) const {
    type_ == Type::kBF16 ? halves_.expect_same(what, row) : floats_.expect_same(what, row);
  }

 private:
  int64_t kind(Type type, size_t size) const { return type == type_ ? static_cast<int64_t>(size) : 0; }

  Type type_;
  Both<BFloat16> halves_;
  Both<float> floats_;
};

// Normal values with exact ties of x / scale, zeros of both signs, huge ones, infinities and NaN mixed in.
inline std::vector<float> extreme_values(int64_t n, float scale, uint64_t seed) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) {
    const int64_t kind = random.below(40);
    const float specials[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-42f, 127.5f * scale, -128.5f * scale, 1e30f};
    x = kind < 9 ? specials[kind]
                 : (kind < 20 ? (static_cast<float>(random.below(300) - 150) + 0.5f) * scale
                              : static_cast<float>(random.normal()) * 50 * scale);
  }
  return v;
}

inline std::vector<float> normal_values(int64_t n, uint64_t seed, float mean = 0, float deviation = 1) {
  Random random(seed);
  std::vector<float> v(static_cast<size_t>(n));
  for (float& x : v) x = mean + deviation * static_cast<float>(random.normal());
  return v;
}

inline std::vector<uint8_t> random_bytes(int64_t n, uint64_t seed) {
  Random random(seed);
  std::vector<uint8_t> v(static_cast<size_t>(n));
  for (uint8_t& x : v) x = static_cast<uint8_t>(random.below(256));
  return v;
}

}  // namespace qat::train::cuda
