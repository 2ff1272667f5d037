// Runs a Graph on LibTorch: training steps with gradients, evaluation, and a look at every value. Free of LibTorch's
// headers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "train/ranges.h"

namespace qat::train {

class Group;  // train/distributed/group.h

struct ModuleOptions {
  RangeMode ranges = RangeMode::kFixed;
  WeightRangeMode weight_ranges = WeightRangeMode::kFixed;
  float range_momentum = 0.01f;
  int threads = 0;                // 0: all that the process may use; LibTorch has one setting for the whole process
  std::vector<double> mean, std;  // of u8 images, of x / 255
  Group* group = nullptr;         // of the ranks that train together; outlives the module. nullptr: one process
  bool sync_bn = false;           // BatchNorm's statistics are those of all ranks' images; else of each its own
  std::string device = "cpu";     // where evaluation runs: cpu | cuda. train_step is the CPU's (GPUs: train/device.h)
};

enum class ParamKind : uint8_t { kWeight, kBias, kNorm, kRange };

// A leaf of the graph. Its data is the graph's own buffer: what the optimizer writes, the graph holds.
struct ParamView {
  std::string name;
  ParamKind kind = ParamKind::kWeight;
  std::span<float> data;
  std::span<const float> gradient;  // of the last train_step; empty when the parameter had no part in the loss
};

struct TrainBatch {
  Tensor images;  // u8 [N,H,W,C] or f32 [N,C,H,W]
  std::span<const int64_t> labels;
  int64_t all_images = 0;  // of all ranks; 0: these are all
  float label_smoothing = 0;
  bool freeze_bn = false;  // normalize with the running statistics and leave them
  uint64_t dropout_seed = 0;
};

struct StepResult {
  double loss = 0;  // mean over the batch; of several ranks: this one's part of the mean over all
  int64_t correct = 0;
};

// Sees the input of one activation quantizer: `quantizer` counts quant::activation_quantizers(graph). The values lie in
// the memory of the module's device.
using RangeObserver = std::function<void(size_t quantizer, std::span<const float> values)>;

class GraphModule {
 public:
  // Takes the graph; its parameters, running statistics and ranges are updated in place. One float input, one output
  // [N, classes]. Throws Error(kBadFile) naming a node that cannot run here.
  GraphModule(ir::Graph graph, const ModuleOptions& options);
  ~GraphModule();
  GraphModule(GraphModule&&) noexcept;

  ir::Graph& graph();
  const ir::Graph& graph() const;

  // Forward, loss (mean cross-entropy) and backward; the gradients are in parameters(). Updates running statistics and
  // moving ranges. With a group, gradients, statistics and ranges are those of all ranks, equal to the bit. Throws
  // Error(kBadFile) when a label is out of range.
  StepResult train_step(const TrainBatch& batch);

  // The layer or range that was NaN or infinite in the last train_step; "" when none was.
  const std::string& not_finite() const;

  // Evaluation. Where the operands of a Conv or Gemm are quantized, sums are those of integers, exact.
  Tensor logits(const Tensor& images);

  // Evaluation with all quantizers off; `observe` gets each quantizer's input, one after the other.
  void observe(const Tensor& images, const RangeObserver& observe);

  // Evaluation; every node's output by node name, f32, in the graph's own layout (NCHW).
  std::map<std::string, Tensor> layers(const Tensor& images);

  // In graph order. Views stay valid while the module lives; gradients until the next train_step.
  std::vector<ParamView> parameters();

  // To be called before evaluating or saving after the parameters were written: measures the weight ranges that follow
  // their weights (kStep), and forgets what evaluation had prepared.
  void weights_changed();

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// body(begin, end, share) over contiguous shares of [0, n), on LibTorch's own threads: a second team would fight them.
void for_shares(int64_t n, int shares, const std::function<void(int64_t begin, int64_t end, int share)>& body);

std::string torch_version();

}  // namespace qat::train
