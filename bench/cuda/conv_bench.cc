// Every int8 convolution of ResNet-50 and MobileNetV2 on a GPU: each kernel that supports it, checked, then timed.
//
// usage: cuda_conv_bench [resnet50 | mobilenet_v2] [batch] [all]
// Per distinct layer: the best kernel (with `all`, each), microseconds a launch, TOP/s and GB/s. Launches run in a
// graph, one after the other, as a session runs them. Last: the sum over the network and all layers in a row, each with
// its own weights. A result is compared with conv_s8_reference's on the first image.
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../cpu/layers.h"
#include "base/random.h"
#include "engine/cuda/conv/conv.h"
#include "engine/cuda/depthwise/depthwise.h"
#include "engine/cuda/device.h"

namespace qat::bench {
namespace {

using cuda::DeviceBuffer;

void check(cudaError_t status) { cuda::check(status, "conv_bench"); }

DeviceBuffer random_bytes(size_t bytes, Random& random, int64_t bound, int64_t first) {
  std::vector<uint8_t> host(std::min<size_t>(bytes, 1 << 20));
  for (uint8_t& b : host) b = static_cast<uint8_t>(first + random.below(bound));
  DeviceBuffer buffer(bytes + 256);
  for (size_t at = 0; at < bytes; at += host.size())
    check(cudaMemcpy(static_cast<uint8_t*>(static_cast<void*>(buffer.data())) + at, host.data(),
                     std::min(host.size(), bytes - at), cudaMemcpyHostToDevice));
  return buffer;
}

struct Stream {
  cudaStream_t stream = nullptr;
  cudaEvent_t start = nullptr, stop = nullptr;
  Stream() {
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    check(cudaEventCreate(&start)), check(cudaEventCreate(&stop));
  }
};

// The best of several replays of a graph of `body`, in microseconds.
template <class Body>
double microseconds(const Stream& s, const Body& body) {
  cudaGraph_t graph;
  cudaGraphExec_t run;
  check(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeThreadLocal));
  body();
  check(cudaStreamEndCapture(s.stream, &graph));
  check(cudaGraphInstantiate(&run, graph, 0));
  double best = 1e30, spent = 0;
  check(cudaGraphLaunch(run, s.stream));
  for (int i = 0; i < 20 && (i < 3 || spent < 2000); ++i) {
    float ms = 0;
    check(cudaEventRecord(s.start, s.stream));
    check(cudaGraphLaunch(run, s.stream));
    check(cudaEventRecord(s.stop, s.stream));
    check(cudaEventSynchronize(s.stop));
    check(cudaEventElapsedTime(&ms, s.start, s.stop));
    best = std::min(best, 1e3 * ms), spent += 1e3 * ms;
  }
  check(cudaGraphExecDestroy(run)), check(cudaGraphDestroy(graph));
  return best;
}

// One layer with its own weights.
struct Step {
  Layer layer;
  std::string kernel;
  uint8_t *x = nullptr, *y = nullptr, *skip = nullptr;
  std::shared_ptr<DeviceBuffer> weights, multiplier, bias;
  double us = 0;

  size_t y_bytes(int64_t batch) const {
    return static_cast<size_t>(layer.conv.pixels() / layer.conv.batch * batch *
                               cuda::pitch_of(layer.conv.out_channels));
  }
  template <class KernelType>
  void pack(const KernelType& k, const typename KernelType::Problem& p, const std::vector<int8_t>& plain) {
    std::vector<uint8_t> packed(k.packed_bytes(p));
    k.pack(p, plain.data(), packed.data());
    weights = std::make_shared<DeviceBuffer>(packed.size());
    check(cudaMemcpy(weights->data(), packed.data(), packed.size(), cudaMemcpyHostToDevice));
    check(cudaDeviceSynchronize());  // the launches' stream does not wait for the default one
  }
  template <class KernelType>
  cudaError_t launch(const KernelType& k, const typename KernelType::Problem& p, cudaStream_t stream) const {
    return k.launch(p,
                    {x, weights->data(), reinterpret_cast<const float*>(multiplier->data()),
                     reinterpret_cast<const float*>(bias->data()), skip, y},
                    nullptr, stream);
  }
  template <class Body>
  void with_op(const Body& body) const {
    if (layer.depthwise) {
      body(cuda::depthwise_kernels(), as_depthwise(layer.conv));
    } else {
      body(cuda::conv_kernels(), layer.conv);
    }
  }
};

std::shared_ptr<DeviceBuffer> floats(int64_t count, float value) {
  const std::vector<float> host(static_cast<size_t>(count), value);
  auto buffer = std::make_shared<DeviceBuffer>(host.size() * 4);
  check(cudaMemcpy(buffer->data(), host.data(), host.size() * 4, cudaMemcpyHostToDevice));
  return buffer;
}

double bytes_of(const kernels::ConvProblem& p) {
  const auto in = static_cast<double>(p.batch * p.in_h * p.in_w * p.in_channels),
             out = static_cast<double>(p.pixels() * p.out_channels);
  return in + out * (p.epilogue.has_skip ? 2 : 1) + static_cast<double>(p.macs()) / static_cast<double>(p.pixels());
}

// All but the pad bytes.
bool same(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int64_t channels) {
  const auto pitch = static_cast<size_t>(cuda::pitch_of(channels));
  for (size_t i = 0; i < a.size(); i += pitch)
    if (std::memcmp(&a[i], &b[i], static_cast<size_t>(channels)) != 0) return false;
  return true;
}

// Chooses the layer's best kernel by its time.
void tune(Step& step, const Stream& s, Random& random, bool all) {
  const auto& p = step.layer.conv;
  const int64_t depth = p.in_channels / p.groups * p.kernel_h * p.kernel_w;
  std::vector<int8_t> plain(static_cast<size_t>(p.out_channels * depth));
  for (auto& w : plain) w = static_cast<int8_t>(random.below(255) - 127);
  step.multiplier = floats(p.out_channels, 0.01f / std::sqrt(static_cast<float>(depth)));
  step.bias = floats(p.out_channels, 3.0f);
  step.with_op([&](auto table, auto problem) {
    auto one = problem;
    one.batch = 1;
    step.pack(table.back(), one, plain);
    check(step.launch(table.back(), one, s.stream));
    std::vector<uint8_t> expected(step.y_bytes(1)), got(expected.size());
    check(cudaStreamSynchronize(s.stream));
    check(cudaMemcpy(expected.data(), step.y, expected.size(), cudaMemcpyDeviceToHost));
    double best = 1e30;
    std::string best_name;
    for (const auto& kernel : table) {
      if (!cuda::runnable(kernel.min_capability, 90) || kernel.supports(problem)) continue;
      if (&kernel == &table.back() && best < 1e30) continue;
      step.pack(kernel, problem, plain);
      check(cudaMemset(step.y, 0x5A, step.y_bytes(1)));
      check(cudaDeviceSynchronize());
      const cudaError_t status = step.launch(kernel, problem, s.stream);
      if (status != cudaSuccess) {
        std::printf("FAILED: %s on %s: %s\n", kernel.name, step.layer.name.c_str(), cudaGetErrorString(status));
        static_cast<void>(cudaGetLastError());
        continue;
      }
      check(cudaStreamSynchronize(s.stream));
      check(cudaMemcpy(got.data(), step.y, got.size(), cudaMemcpyDeviceToHost));
      if (!same(expected, got, p.out_channels))
        std::printf("WRONG RESULT: %s on %s\n", kernel.name, step.layer.name.c_str());
      const double once = microseconds(s, [&] { check(step.launch(kernel, problem, s.stream)); });
      const int count = once > 500 ? 1 : 10;
      const double us = microseconds(s,
                                     [&] {
                                       for (int i = 0; i < count; ++i) check(step.launch(kernel, problem, s.stream));
                                     }) /
                        count;
      if (all)
        std::printf("  %-20s %-30s %8.2f us %7.0f TOP/s\n", step.layer.name.c_str(), kernel.name, us,
                    2e-6 * static_cast<double>(p.macs()) / us);
      if (us < best) best = us, best_name = kernel.name;
    }
    step.us = best, step.kernel = best_name;
    step.pack(*cuda::find_kernel(table, best_name), problem, plain);
  });
}

std::string key_of(const kernels::ConvProblem& p) {
  return std::to_string(p.in_channels) + " " + std::to_string(p.out_channels) + " " + std::to_string(p.kernel_h) + " " +
         std::to_string(p.stride_h) + " " + std::to_string(p.in_h) + " " + std::to_string(p.epilogue.has_skip) + " " +
         std::to_string(p.groups);
}

void run(const std::string& network, int64_t batch, bool all) {
  const std::vector<Layer> layers = network == "resnet50" ? resnet50(batch) : mobilenet_v2(batch);
  Random random(1);
  Stream s;
  size_t largest = 0;
  for (const Layer& layer : layers) {
    const auto& p = layer.conv;
    const int64_t x = p.batch * p.in_h * p.in_w * cuda::pitch_of(p.in_channels);
    largest = std::max(largest, static_cast<size_t>(std::max(x, p.pixels() * cuda::pitch_of(p.out_channels))));
  }
  const DeviceBuffer buffers[3] = {random_bytes(largest, random, 128, 0), random_bytes(largest, random, 128, 0),
                                   random_bytes(largest, random, 128, 0)};
  const auto at = [&](size_t i) { return reinterpret_cast<uint8_t*>(buffers[i % 3].data()); };
  std::map<std::string, size_t> known;
  std::vector<Step> steps;
  std::map<std::string, int> counts;
  for (const Layer& layer : layers) ++counts[key_of(layer.conv)];
  double sum = 0, operations = 0;
  std::printf("%s, batch %ld\n", network.c_str(), static_cast<long>(batch));
  for (const Layer& layer : layers) {
    const std::string key = key_of(layer.conv);
    const auto& p = layer.conv;
    operations += 2.0 * static_cast<double>(p.macs());
    Step step{.layer = layer};
    const auto found = known.find(key);
    if (found != known.end()) {
      step = steps[found->second];
      auto copy = std::make_shared<DeviceBuffer>(step.weights->size());
      check(cudaMemcpy(copy->data(), step.weights->data(), copy->size(), cudaMemcpyDeviceToDevice));
      step.weights = copy;
    }
    step.x = at(steps.size()), step.y = at(steps.size() + 1), step.skip = at(steps.size() + 2);
    if (found == known.end()) {
      tune(step, s, random, all);
      known[key] = steps.size();
      std::printf("%-16s x%-2d %4ld>%-4ld k%ld s%ld %3ld  %-28s %8.2f us %6.0f TOP/s %6.0f GB/s\n", layer.name.c_str(),
                  counts[key], static_cast<long>(p.in_channels), static_cast<long>(p.out_channels),
                  static_cast<long>(p.kernel_h), static_cast<long>(p.stride_h), static_cast<long>(p.in_h),
                  step.kernel.c_str(), step.us, 2e-6 * static_cast<double>(p.macs()) / step.us,
                  bytes_of(p) / step.us * 1e-3);
    }
    sum += step.us;
    steps.push_back(step);
  }
  const double row = microseconds(s, [&] {
    for (const Step& step : steps)
      step.with_op(
          [&](auto table, const auto& p) { check(step.launch(*cuda::find_kernel(table, step.kernel), p, s.stream)); });
  });
  std::printf("%s batch %ld: sum of layers %.4f ms, in a row %.4f ms, %.0f TOP/s\n", network.c_str(),
              static_cast<long>(batch), sum * 1e-3, row * 1e-3, operations / row * 1e-6);
}

}  // namespace
}  // namespace qat::bench

int main(int argc, char** argv) {
  qat::bench::run(argc > 1 ? argv[1] : "resnet50", argc > 2 ? std::atoi(argv[2]) : 1, argc > 3);
  return 0;
}
