// Tactics of a layer; a trial runs a kernel many times in a graph, as it will run: see tactics.h.
#include "engine/cuda/session/tactics.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "engine/cuda/session/bound_step.h"
#include "engine/cuda/session/layer.h"

namespace qat::cuda {

using engine::StepView;

std::vector<engine::CudaTactic> tactics(const StepView& v, int capability) {
  return visit_layer(v, [capability](const auto& table, const auto& problem) {
    std::vector<engine::CudaTactic> found;
    for (const auto& kernel : table) {
      if (!runnable(kernel.min_capability, capability) || kernel.supports(problem) != nullptr) continue;
      found.push_back({.name = kernel.name,
                       .packing = reinterpret_cast<uintptr_t>(kernel.pack),
                       .packed_bytes = kernel.packed_bytes(problem)});
    }
    return found;
  });
}

void pack(const StepView& v, const std::string& kernel, const int8_t* weights, void* packed) {
  visit_layer(v, [&](const auto& table, const auto& problem) {
    const auto* found = find_kernel(table, kernel);
    QAT_ASSERT(found != nullptr);
    found->pack(problem, weights, packed);
  });
}

namespace {

// Some noise again and again: its values do not matter, making more would take time.
DeviceBuffer random_bytes(size_t bytes) {
  constexpr size_t kPiece = 1 << 20;
  std::vector<uint64_t> host(kPiece / 8);
  Random random(bytes);
  for (uint64_t& word : host) word = random.bits() & 0x7f7f7f7f7f7f7f7full;  // as behind a ReLU; small as floats
  DeviceBuffer buffer((bytes + kPiece) / kPiece * kPiece);
  for (size_t at = 0; at < buffer.size(); at += kPiece)
    check(cudaMemcpy(buffer.data() + at, host.data(), kPiece, cudaMemcpyHostToDevice), "trial");
  return buffer;
}

// Memory for the largest tensors is made once: allocating it takes longer than most kernels.
struct TrialMemory {
  DeviceBuffer noise, output;

  const std::byte* noise_of(size_t bytes) {
    if (noise.size() < bytes + 256) noise = DeviceBuffer(), noise = random_bytes(bytes + 256);
    return noise.data();
  }
  std::byte* output_of(size_t bytes) {
    if (output.size() < bytes) output = DeviceBuffer(), output = DeviceBuffer(bytes);
    return output.data();
  }
};

TrialMemory& trial_memory() {
  static TrialMemory memory;
  return memory;
}

class Graph {
 public:
  // `runs` launches of the step.
  Graph(const BoundStep& step, void* workspace, int runs, cudaStream_t stream) {
    check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "trial");
    cudaError_t status = cudaSuccess;
    for (int i = 0; i < runs && status == cudaSuccess; ++i) status = step.launch(workspace, stream);
    cudaGraph_t graph = nullptr;
    const cudaError_t ended = cudaStreamEndCapture(stream, &graph);
    check(status, step.kernel.c_str()), check(ended, "trial");
    status = cudaGraphInstantiate(&graph_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "trial");
  }
  ~Graph() { cudaGraphExecDestroy(graph_); }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  double seconds(cudaStream_t stream, cudaEvent_t before, cudaEvent_t after) const {
    check(cudaEventRecord(before, stream), "trial");
    check(cudaGraphLaunch(graph_, stream), "trial");
    check(cudaEventRecord(after, stream), "trial");
    check(cudaStreamSynchronize(stream), "trial");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, before, after), "trial");
    return 1e-3 * milliseconds;
  }

 private:
  cudaGraphExec_t graph_ = nullptr;
};

struct Clock {
  cudaStream_t stream = nullptr;
  cudaEvent_t before = nullptr, after = nullptr;
  Clock() {
    check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "trial");
    check(cudaEventCreate(&before), "trial"), check(cudaEventCreate(&after), "trial");
  }
  ~Clock() { cudaEventDestroy(before), cudaEventDestroy(after), cudaStreamDestroy(stream); }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
};

}  // namespace

void free_trial_memory() { trial_memory() = TrialMemory(); }

double time_tactic(const StepView& v, const std::string& kernel, const void* packed, double rival) {
  // The step alone, its blobs one after another.
  engine::Step step = v.step;
  step.kernel = kernel;
  const size_t packed_bytes = (step.blobs[0].size + 255) / 256 * 256, floats = step.blobs[1].size;
  step.blobs[1].offset = packed_bytes, step.blobs[2].offset = packed_bytes + (floats + 255) / 256 * 256;
  step.blobs[0].offset = 0;
  DeviceBuffer blobs(step.blobs[2].offset + floats + 256);
  check(cudaMemset(blobs.data(), 0, blobs.size()), "trial");
  check(cudaMemcpy(blobs.data(), packed, step.blobs[0].size, cudaMemcpyHostToDevice), "trial");
  const auto bytes_of = [&](int32_t id) { return tensor_bytes(v.tensor(id), v.extents.at(static_cast<size_t>(id))); };
  std::vector<std::byte*> memory(v.plan.tensors.size(), nullptr);
  size_t largest = 0;
  for (const int32_t id : step.inputs) largest = std::max(largest, bytes_of(id));
  for (const int32_t id : step.inputs) {
    memory[static_cast<size_t>(id)] = const_cast<std::byte*>(trial_memory().noise_of(largest));
  }
  memory[static_cast<size_t>(step.output)] = trial_memory().output_of(bytes_of(step.output));
  const int capability = v.plan.compute_capability;
  const BoundStep bound = bind_step({.view = {v.plan, step, v.extents},
                                     .memory = memory,
                                     .blobs = blobs.data(),
                                     .slots = nullptr,
                                     .capability = capability});
  DeviceBuffer workspace(bound.workspace_bytes);
  if (workspace.size() > 0) check(cudaMemset(workspace.data(), 0, workspace.size()), "trial");
  check(cudaDeviceSynchronize(), "trial");
  const Clock clock;
  const Graph once(bound, workspace.data(), 1, clock.stream);
  double best = once.seconds(clock.stream, clock.before, clock.after);
  best = std::min(best, once.seconds(clock.stream, clock.before, clock.after));
  constexpr double kLaunch = 1e-5;  // what a launch may add to the first figures
  if (best > 1.5 * rival + kLaunch) return best;
  // About half a millisecond, three times: the noise of a launch is in the first figure, not in these.
  const int runs = std::clamp(static_cast<int>(5e-4 / best), 2, 40);
  const Graph many(bound, workspace.data(), runs, clock.stream);
  for (int i = 0; i < 3; ++i) best = std::min(best, many.seconds(clock.stream, clock.before, clock.after) / runs);
  return best;
}

}  // namespace qat::cuda
