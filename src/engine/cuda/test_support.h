// What the CUDA tests share: skipping without a GPU, device copies with guard bytes, and NHWC at both pitches.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "engine/cpu/test_support.h"
#include "engine/cuda/device.h"
#include "engine/cuda/kernel.h"

namespace qat::cuda {

// 90 for 9.0; 0 where no GPU is found.
inline int test_capability() {
  int count = 0, major = 0, minor = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return 0;
  static_cast<void>(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
  static_cast<void>(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0));
  return major * 10 + minor;
}

#define QAT_NEEDS_GPU() \
  if (qat::cuda::test_capability() == 0) GTEST_SKIP() << "no GPU here"

// Bytes on the device with 256 guard bytes before and after, which a kernel must not change.
class GuardedBuffer {
 public:
  explicit GuardedBuffer(size_t bytes, uint8_t value = 0xA5)
      : bytes_(bytes), memory_((bytes + 255) / 256 * 256 + 2 * kGuardBytes) {
    check(cudaMemset(memory_.data(), kGuard, memory_.size()), "test");
    check(cudaMemset(data(), value, bytes), "test");
  }
  GuardedBuffer(const void* host, size_t bytes) : GuardedBuffer(bytes) {
    check(cudaMemcpy(data(), host, bytes, cudaMemcpyHostToDevice), "test");
  }
  template <class T>
  explicit GuardedBuffer(const std::vector<T>& host) : GuardedBuffer(host.data(), host.size() * sizeof(T)) {}

  uint8_t* data() const { return reinterpret_cast<uint8_t*>(memory_.data()) + kGuardBytes; }
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data());
  }
  size_t size() const { return bytes_; }
  std::vector<uint8_t> host() const { return copy(data(), bytes_); }
  bool guards_intact() const {
    for (const uint8_t* at : {data() - kGuardBytes, data() + bytes_})
      for (const uint8_t byte : copy(at, kGuardBytes))
        if (byte != kGuard) return false;
    return true;
  }

 private:
  static std::vector<uint8_t> copy(const uint8_t* from, size_t bytes) {
    std::vector<uint8_t> host(bytes);
    check(cudaMemcpy(host.data(), from, bytes, cudaMemcpyDeviceToHost), "test");
    return host;
  }
  static constexpr uint8_t kGuard = 0x5C;
  static constexpr size_t kGuardBytes = 256;
  size_t bytes_;
  DeviceBuffer memory_;
};

// The CPU's u8 pixels at the GPU's pitch; pad bytes hold 0xD7, which no result may depend on.
inline std::vector<uint8_t> to_gpu_pitch(const uint8_t* x, int64_t pixels, int64_t channels) {
  const int64_t from = kernels::pitch_of(channels), to = pitch_of(channels);
  std::vector<uint8_t> y(static_cast<size_t>(pixels * to), 0xD7);
  for (int64_t p = 0; p < pixels; ++p) std::memcpy(&y[static_cast<size_t>(p * to)], x + p * from, channels);
  return y;
}

// expected: u8 at the CPU's pitch; got: at the GPU's. Pad bytes are not compared.
inline ::testing::AssertionResult same_pixels(const uint8_t* expected, const GuardedBuffer& got, int64_t pixels,
                                              int64_t channels) {
  const std::vector<uint8_t> host = got.host();
  const int64_t pitch = pitch_of(channels), cpu_pitch = kernels::pitch_of(channels);
  int64_t wrong = 0, first = -1;
  for (int64_t p = 0; p < pixels; ++p) {
    for (int64_t c = 0; c < channels; ++c) {
      if (expected[p * cpu_pitch + c] == host[static_cast<size_t>(p * pitch + c)]) continue;
      if (wrong++ == 0) first = p * channels + c;
    }
  }
  if (!got.guards_intact()) return ::testing::AssertionFailure() << "bytes outside the output changed";
  if (wrong == 0) return ::testing::AssertionSuccess();
  const int64_t p = first / channels, c = first % channels;
  return ::testing::AssertionFailure() << wrong << " of " << pixels * channels << " differ, the first at pixel " << p
                                       << ", channel " << c << ": expected " << int{expected[p * cpu_pitch + c]}
                                       << ", got " << int{host[static_cast<size_t>(p * pitch + c)]};
}

// Kernels of a table that the GPU here can run, the reference too.
template <class KernelType>
std::vector<const KernelType*> kernels_here(std::span<const KernelType> table) {
  std::vector<const KernelType*> list;
  for (const KernelType& kernel : table)
    if (runnable(kernel.min_capability, test_capability())) list.push_back(&kernel);
  return list;
}

// Launches, waits, and demands a workspace left zero.
template <class KernelType>
void launch_and_wait(const KernelType& kernel, const typename KernelType::Problem& problem,
                     const typename KernelType::Args& args) {
  GuardedBuffer workspace(kernel.workspace_bytes(problem), 0);
  ASSERT_EQ(kernel.launch(problem, args, workspace.data(), nullptr), cudaSuccess) << kernel.name;
  const cudaError_t status = cudaDeviceSynchronize();
  ASSERT_EQ(status, cudaSuccess) << kernel.name << ": " << cudaGetErrorString(status);
  for (const uint8_t byte : workspace.host()) ASSERT_EQ(byte, 0) << kernel.name << " leaves its workspace dirty";
  ASSERT_TRUE(workspace.guards_intact()) << kernel.name << " writes past its workspace";
}

// All of a table's kernels against a CPU kernel, for ops whose output has the pixels of their input.
template <class KernelType, class Judge>
void check_elementwise(std::span<const KernelType> table, const Judge& judge,
                       const typename KernelType::Problem& problem, typename KernelType::Args cpu,
                       typename KernelType::Args gpu, int64_t pixels, int64_t channels) {
  const bool stored = problem.epilogue.output == kernels::Output::kU8;
  kernels::Buffer expected(static_cast<size_t>(pixels * (stored ? kernels::pitch_of(channels) : 4 * channels)));
  cpu.y = expected.data();
  judge.run(problem, cpu, 0, judge.units(problem), nullptr);
  for (const KernelType* kernel : kernels_here(table)) {
    const GuardedBuffer y(static_cast<size_t>(pixels * (stored ? pitch_of(channels) : 4 * channels)));
    gpu.y = y.data();
    launch_and_wait(*kernel, problem, gpu);
    if (stored) {
      EXPECT_TRUE(same_pixels(expected.data(), y, pixels, channels)) << kernel->name << ", C " << channels;
    } else {
      EXPECT_EQ(std::memcmp(y.host().data(), expected.data(), expected.size()), 0)
          << kernel->name << " (f32), C " << channels;
    }
  }
}

}  // namespace qat::cuda
