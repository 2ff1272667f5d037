// Times every kernel at ResNet-50's shapes (batch 256, 224 x 224, bf16), against the bandwidth of memory.
//
// train_cuda_kernels_bench [batch] [size]. A row: kernel, shape, microseconds, bytes moved, GB/s, share of kLimit.
// Then the sum over one training step. Results are checked by train_cuda_kernels_test.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {
namespace {

void check(cudaError_t error) {
  if (error != cudaSuccess) throw std::runtime_error(cudaGetErrorString(error));
}

// Memory with random bytes: zeros would be faster than real data. bf16 values in (-2, 2) and float likewise.
class Pool {
 public:
  explicit Pool(size_t bytes) : bytes_(bytes) {
    check(cudaMalloc(&base_, bytes));
    std::vector<uint32_t> words(1 << 20);
    uint32_t state = 1;
    for (uint32_t& w : words) {
      state = state * 1664525u + 1013904223u;
      w = (state & 0x807F807Fu) | 0x3F003F00u;
    }
    for (size_t at = 0; at < bytes; at += words.size() * 4) {
      check(cudaMemcpy(base_ + at, words.data(), std::min(words.size() * 4, bytes - at), cudaMemcpyHostToDevice));
    }
  }
  template <class E = void>
  E* take(int64_t bytes) {
    char* p = base_ + used_;
    used_ += (static_cast<size_t>(bytes) + 255) / 256 * 256;
    if (used_ > bytes_) throw std::runtime_error("the pool is too small");
    return reinterpret_cast<E*>(p);
  }
  void clear(void* p, size_t bytes) { check(cudaMemset(p, 0, bytes)); }
  void reset() { used_ = 0; }

 private:
  size_t bytes_, used_ = 0;
  char* base_ = nullptr;
};

// Median microseconds of `run`, its launches replayed from a graph.
double time_of(const std::function<void(cudaStream_t)>& run) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreate(&stream));
  run(stream);
  check(cudaStreamSynchronize(stream));
  constexpr int kRepeats = 5;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < kRepeats; ++i) run(stream);
  check(cudaStreamEndCapture(stream, &graph));
  check(cudaGraphInstantiate(&exec, graph, 0));
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin));
  check(cudaEventCreate(&end));
  std::vector<float> times;
  for (int i = 0; i < 7; ++i) {
    check(cudaEventRecord(begin, stream));
    check(cudaGraphLaunch(exec, stream));
    check(cudaEventRecord(end, stream));
    check(cudaEventSynchronize(end));
    float ms = 0;
    check(cudaEventElapsedTime(&ms, begin, end));
    times.push_back(ms);
  }
  std::sort(times.begin(), times.end());
  check(cudaGraphExecDestroy(exec));
  check(cudaGraphDestroy(graph));
  check(cudaStreamDestroy(stream));
  return 1000.0 * static_cast<double>(times[times.size() / 2]) / kRepeats;
}

constexpr double kLimit = 4300;  // GB/s: what a copy kernel reaches on an H200

struct Layer {
  int64_t pixels, channels;  // of one image
  int count;                 // in the network
  bool residual;             // ends a block
};

// What follows each of ResNet-50's 53 convolutions.
std::vector<Layer> resnet50(int64_t size) {
  const auto p = [&](int64_t stride) { return ((size + stride - 1) / stride) * ((size + stride - 1) / stride); };
  return {{p(2), 64, 1, false},   {p(4), 64, 6, false},    {p(4), 256, 3, true},   {p(4), 256, 1, false},
          {p(4), 128, 1, false},  {p(8), 128, 7, false},   {p(8), 512, 4, true},   {p(8), 512, 1, false},
          {p(8), 256, 1, false},  {p(16), 256, 11, false}, {p(16), 1024, 6, true}, {p(16), 1024, 1, false},
          {p(16), 512, 1, false}, {p(32), 512, 5, false},  {p(32), 2048, 3, true}, {p(32), 2048, 1, false}};
}

class Bench {
 public:
  Bench(int64_t batch, int64_t size) : batch_(batch), size_(size), pool_(size_t{8} << 30) {}

  void run() {
    std::printf("%-26s %14s %4s %9s %9s %8s %6s\n", "kernel", "shape", "x", "us", "MB", "GB/s", "share");
    for (const Layer& layer : resnet50(size_)) run_layer(layer);
    run_pools();
    run_parameters();
    run_inputs();
    std::printf(
        "one training step of ResNet-50, batch %lld, %lldx%lld: %.2f ms in these kernels, %.2f ms at %.0f GB/s\n",
        static_cast<long long>(batch_), static_cast<long long>(size_), static_cast<long long>(size_), total_ / 1000,
        floor_ / 1000, kLimit);
  }

 private:
  void row(const std::string& kernel, const std::string& shape, int count, double bytes,
           const std::function<void(cudaStream_t)>& run) {
    const double us = time_of(run), rate = 1e-3 * bytes / us;
    std::printf("%-26s %14s %4d %9.1f %9.1f %8.0f %5.0f%%\n", kernel.c_str(), shape.c_str(), count, us, 1e-6 * bytes,
                rate, 100 * rate / kLimit);
    total_ += us * count, floor_ += 1e-3 * bytes / kLimit * count;
  }

  void run_layer(const Layer& layer) {
    pool_.reset();
    const int64_t rows = batch_ * layer.pixels, c = layer.channels, n = rows * c;
    const std::string shape = std::to_string(rows) + "x" + std::to_string(c);
    void *x = pool_.take(2 * n), *y = pool_.take(2 * n), *skip = pool_.take(2 * n), *g = pool_.take(2 * n);
    auto* mask = pool_.take<uint8_t>(n / 8);
    auto* f = pool_.take<float>(16 * c * 4);
    check(cudaMemset(f, 0x3F, static_cast<size_t>(16 * c * 4)));  // 0.747: ranges and variances are positive
    const auto workspace_size = workspace_bytes(rows, c);
    void* workspace = pool_.take(static_cast<int64_t>(workspace_size));
    pool_.clear(workspace, workspace_size);
    const Kernels& k = device_kernels();
    const double elements = static_cast<double>(n);
    const StatsArgs stats{.rows = rows,
                          .channels = c,
                          .x = x,
                          .gamma = f,
                          .beta = f + c,
                          .running_mean = f + 2 * c,
                          .running_var = f + 3 * c,
                          .mean = f + 4 * c,
                          .invstd = f + 5 * c,
                          .a = f + 6 * c,
                          .b = f + 7 * c,
                          .workspace = workspace};
    row("stats", shape, layer.count, 2 * elements, [&](cudaStream_t s) { k.stats(stats, s); });
    const NormActArgs act{.rows = rows,
                          .channels = c,
                          .x = x,
                          .a = f + 6 * c,
                          .b = f + 7 * c,
                          .skip = layer.residual ? skip : nullptr,
                          .clip_lo = 0,
                          .range = {.value = f},
                          .y = y,
                          .mask = mask,
                          .peak = f + 8 * c};
    row(layer.residual ? "norm_act with skip" : "norm_act", shape, layer.count,
        (layer.residual ? 6.125 : 4.125) * elements, [&](cudaStream_t s) { k.norm_act(act, s); });
    const BackwardReduceArgs reduce{.rows = rows,
                                    .channels = c,
                                    .gradient = g,
                                    .gradient2 = layer.residual ? skip : nullptr,
                                    .mask = mask,
                                    .x = x,
                                    .mean = f + 4 * c,
                                    .invstd = f + 5 * c,
                                    .a = f + 6 * c,
                                    .dgamma = f + 9 * c,
                                    .dbeta = f + 10 * c,
                                    .cb = f + 11 * c,
                                    .cc = f + 12 * c,
                                    .masked = layer.residual ? y : nullptr,
                                    .workspace = workspace};
    row(layer.residual ? "backward_reduce of two" : "backward_reduce", shape, layer.count,
        (layer.residual ? 8.125 : 4.125) * elements, [&](cudaStream_t s) { k.backward_reduce(reduce, s); });
    const BackwardApplyArgs apply{.rows = rows,
                                  .channels = c,
                                  .gradient = g,
                                  .mask = layer.residual ? nullptr : mask,
                                  .x = x,
                                  .ca = f + 6 * c,
                                  .cb = f + 11 * c,
                                  .cc = f + 12 * c,
                                  .dx = y};
    row("backward_apply", shape, layer.count, (layer.residual ? 6 : 6.125) * elements,
        [&](cudaStream_t s) { k.backward_apply(apply, s); });
  }

  void run_pools() {
    pool_.reset();
    const int64_t in = (size_ + 1) / 2, out = (in + 1) / 2, n = batch_ * in * in * 64, m = batch_ * out * out * 64;
    const MaxPoolArgs args{.n = batch_,
                           .height = in,
                           .width = in,
                           .channels = 64,
                           .out_height = out,
                           .out_width = out,
                           .kernel = {3, 3},
                           .stride = {2, 2},
                           .pad = {1, 1},
                           .x = pool_.take(2 * n),
                           .y = pool_.take(2 * m),
                           .index = pool_.take<uint8_t>(m),
                           .gradient = pool_.take(2 * m),
                           .dx = pool_.take(2 * n)};
    const Kernels& k = device_kernels();
    const double moved = 2.0 * static_cast<double>(n) + 3.0 * static_cast<double>(m);
    row("max_pool", std::to_string(in) + "^2x64", 1, moved, [&](cudaStream_t s) { k.max_pool(args, s); });
    row("max_pool_backward", std::to_string(in) + "^2x64", 1, moved,
        [&](cudaStream_t s) { k.max_pool_backward(args, s); });
    const int64_t pixels = ((size_ + 31) / 32) * ((size_ + 31) / 32), v = batch_ * pixels * 2048;
    const MeanPoolArgs mean{.n = batch_,
                            .pixels = pixels,
                            .channels = 2048,
                            .x = pool_.take(2 * v),
                            .y = pool_.take(2 * batch_ * 2048),
                            .gradient = pool_.take(2 * batch_ * 2048),
                            .dx = pool_.take(2 * v)};
    row("mean_pool", std::to_string(pixels) + "x2048", 1, 2.0 * static_cast<double>(v),
        [&](cudaStream_t s) { k.mean_pool(mean, s); });
    row("mean_pool_backward", std::to_string(pixels) + "x2048", 1, 2.0 * static_cast<double>(v),
        [&](cudaStream_t s) { k.mean_pool_backward(mean, s); });
  }

  // ResNet-50's 54 weights and 106 + 1 vectors.
  void run_parameters() {
    pool_.reset();
    std::vector<Weight> weights;
    std::vector<Parameter> parameters;
    std::vector<int64_t> sizes;
    int64_t total = 0;
    const auto parameter = [&](int64_t n) {
      Parameter p{.value = pool_.take<float>(4 * n),
                  .gradient = pool_.take<float>(4 * n),
                  .first = pool_.take<float>(4 * n),
                  .second = pool_.take<float>(4 * n),
                  .size = n,
                  .decay = 1e-4f};
      parameters.push_back(p), sizes.push_back(n);
      return p;
    };
    const auto weight = [&](int64_t out, int64_t in, int64_t pixels) {
      const Parameter p = parameter(out * in * pixels);
      weights.push_back({.master = p.value,
                         .copy = pool_.take(2 * p.size),
                         .dim0 = static_cast<int32_t>(out),
                         .dim1 = static_cast<int32_t>(in),
                         .pixels = static_cast<int32_t>(pixels),
                         .pitch = static_cast<int32_t>(in),
                         .range = pool_.take<float>(4 * out),
                         .follow = true,
                         .copy_gradient = pool_.take(2 * p.size),
                         .gradient = const_cast<float*>(p.gradient)});
      total += p.size;
      parameter(out), parameter(out);
    };
    weight(64, 3, 49);
    int64_t in = 64;
    const int64_t widths[] = {64, 128, 256, 512};
    const int blocks[] = {3, 4, 6, 3};
    for (int stage = 0; stage < 4; ++stage) {
      const int64_t w = widths[stage];
      for (int b = 0; b < blocks[stage]; ++b) {
        weight(w, in, 1), weight(w, w, 9), weight(4 * w, w, 1);
        if (b == 0) weight(4 * w, in, 1);
        in = 4 * w;
      }
    }
    weight(1000, 2048, 1);
    const std::vector<WeightChunk> weight_list = weight_chunks(weights);
    const std::vector<Chunk> list = make_chunks(sizes);
    const auto upload = [&](const auto& v) {
      auto* p = pool_.take<std::remove_cvref_t<decltype(v[0])>>(static_cast<int64_t>(v.size() * sizeof(v[0])));
      check(cudaMemcpy(p, v.data(), v.size() * sizeof(v[0]), cudaMemcpyHostToDevice));
      return p;
    };
    std::vector<StepScalars> scalars{{.lr = 1e-6f}};
    std::vector<int32_t> word{0};
    const WeightsArgs args{.weights = upload(weights),
                           .chunks = upload(weight_list),
                           .chunk_count = static_cast<int64_t>(weight_list.size()),
                           .status = {upload(word), 0}};
    const OptimizerArgs step{.parameters = upload(parameters),
                             .chunks = upload(list),
                             .chunk_count = static_cast<int64_t>(list.size()),
                             .scalars = upload(scalars),
                             .momentum = 0.9f,
                             .status = {upload(word), 0}};
    const Kernels& k = device_kernels();
    const double n = static_cast<double>(total);
    row("quantize_weights", "25.5M", 1, 6 * n, [&](cudaStream_t s) { k.quantize_weights(args, s); });
    row("weight_gradients", "25.5M", 1, 6 * n, [&](cudaStream_t s) { k.weight_gradients(args, s); });
    row("check_finite", "25.6M", 1, 4 * n, [&](cudaStream_t s) { k.check_finite(step, s); });
    row("sgd", "25.6M", 1, 20 * n, [&](cudaStream_t s) { k.sgd(step, s); });
    row("adamw (not summed)", "25.6M", 0, 28 * n, [&](cudaStream_t s) { k.adamw(step, s); });
  }

  void run_inputs() {
    pool_.reset();
    const Kernels& k = device_kernels();
    const int64_t n = batch_ * size_ * size_;
    std::vector<int64_t> index(static_cast<size_t>(batch_));
    for (size_t i = 0; i < index.size(); ++i) index[i] = static_cast<int64_t>(i);
    auto* indices = pool_.take<int64_t>(8 * batch_);
    check(cudaMemcpy(indices, index.data(), index.size() * 8, cudaMemcpyHostToDevice));
    const BatchArgs batch{.n = batch_,
                          .height = size_,
                          .width = size_,
                          .channels = 3,
                          .out_height = size_,
                          .out_width = size_,
                          .out_channels = 4,
                          .images = pool_.take<uint8_t>(3 * n),
                          .index = indices,
                          .state = pool_.take<AugmentState>(sizeof(AugmentState)),
                          .crop = true,
                          .pad = 4,
                          .flip = true,
                          .table = pool_.take<float>(3 * 256 * 4),
                          .y = pool_.take(8 * n)};
    row("make_batch", std::to_string(batch_) + "x" + std::to_string(size_) + "^2x3", 1, 11.0 * static_cast<double>(n),
        [&](cudaStream_t s) { k.make_batch(batch, s); });
    const int64_t classes = 1000;
    const auto workspace_size = workspace_bytes(batch_, classes);
    void* workspace = pool_.take(static_cast<int64_t>(workspace_size));
    pool_.clear(workspace, workspace_size);
    auto* labels = pool_.take<int64_t>(8 * batch_);
    pool_.clear(labels, static_cast<size_t>(8 * batch_));
    const CrossEntropyArgs loss{.rows = batch_,
                                .classes = classes,
                                .logits = pool_.take(2 * batch_ * classes),
                                .labels = labels,
                                .smoothing = 0.1f,
                                .gradient = pool_.take(2 * batch_ * classes),
                                .loss = pool_.take<double>(8),
                                .correct = pool_.take<int64_t>(8),
                                .workspace = workspace};
    row("cross_entropy", std::to_string(batch_) + "x1000", 1, 4.0 * static_cast<double>(batch_ * classes),
        [&](cudaStream_t s) { k.cross_entropy(loss, s); });
    auto* histogram = pool_.take<HistogramState>(sizeof(HistogramState));
    pool_.clear(histogram, sizeof(HistogramState));
    for (const Type type : {Type::kBF16, Type::kF32}) {
      const int64_t values = 256 * 3136 * 64;
      const HistogramArgs args{.size = values, .type = type, .x = pool_.take(4 * values), .histogram = histogram};
      const double bytes = (type == Type::kBF16 ? 4.0 : 8.0) * static_cast<double>(values);
      row(type == Type::kBF16 ? "add_to_histogram bf16" : "add_to_histogram f32", "51.4M", 0, bytes,
          [&](cudaStream_t s) { k.add_to_histogram(args, s); });
    }
  }

  int64_t batch_, size_;
  Pool pool_;
  double total_ = 0, floor_ = 0;
};

}  // namespace
}  // namespace qat::train::cuda

int main(int count, char** arguments) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  try {
    const int64_t batch = count > 1 ? std::atoll(arguments[1]) : 256, size = count > 2 ? std::atoll(arguments[2]) : 224;
    qat::train::cuda::Bench(batch, size).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
