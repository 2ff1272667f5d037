// A graph as a static training program: forward, loss, backward, update, each step written out over planned tables.
//
// Nothing in run() depends on values: the same launches in the same order every time, all that changes from step to
// step lies in device memory (StepInputs). So a run can be captured in a CUDA graph; and on the host, with the kernels'
// twins, the same program is what the tests check.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "train/cuda/program/buckets.h"
#include "train/cuda/program/exchange.h"
#include "train/cuda/program/leaves.h"
#include "train/cuda/program/step.h"
#include "train/cuda/program/updates.h"
#include "train/cuda/program/weights.h"
#include "train/libtorch/norm_act_step.h"

namespace qat::train::cuda {

struct ProgramOptions {
  ModuleOptions module;
  config::TrainOptions train;
  Exchange* exchange = nullptr;  // of the ranks that train together; nullptr: one process. Outlives the program
};

// What the kernels write: one block in device memory.
struct StepOutputs {
  double loss = 0;
  int64_t correct = 0;
  int32_t status = 0;  // sticky: see Status
};

// Told after each part of a run what it was: "convolution", forward or backward.
class Timeline {
 public:
  virtual ~Timeline() = default;
  virtual void mark(const char* kind, const char* direction) = 0;
};

// One batch in device memory.
struct ProgramBatch {
  at::Tensor input;   // [N,C,H,W] channels last, or any rank; the target's type
  at::Tensor labels;  // int64 [N], checked
  const StepScalars* scalars = nullptr;
  StepOutputs* outputs = nullptr;
  bool bn_frozen = false;
  int64_t all_images = 0;     // of all ranks; 0: these are all. Fixed in a captured graph
  at::Tensor captured_table;  // see Weights::gradients; undefined: an ordinary run
  Timeline* timeline = nullptr;
};

class Program {
 public:
  // trained: of a GraphModule of the same graph and modes. averaged: names of TRAIN.EMA's leaves. Throws
  // Error(kBadFile) naming a node that cannot be trained here.
  Program(ir::Graph& graph, const std::vector<ParamView>& trained, const std::vector<std::string>& averaged,
          const ProgramOptions& options, const Target& target);

  // One step. The logits stay until the next run.
  void run(const ProgramBatch& batch);
  const Weights& weights() const { return *weights_; }

  Leaves& leaves() { return leaves_; }
  const Updates& updates() const { return updates_; }
  Target& target() { return target_; }
  int64_t classes() const { return graph_.value(graph_.outputs[0]).dims.back(); }
  const at::Tensor& logits() const { return logits_; }

  // "[layer1.0.bn1] a statistic or range", for a status word that is not 0.
  std::string place(int32_t word) const;

 private:
  friend class ProgramBuilder;
  void loss(const ProgramBatch& batch, const Pass& pass);
  void backward(const ProgramBatch& batch, const Pass& pass);
  void exchange_results(const ProgramBatch& batch);
  bool averages_statistics(const ProgramBatch& batch) const;
  void exchange_rest(const ProgramBatch& batch);
  void move_ranges(int32_t* status);

  struct MovingRange {
    ir::ValueId range = ir::kNone;
    float unit = 127;
  };

  ir::Graph& graph_;
  const ProgramOptions options_;
  Target target_;
  Leaves leaves_;
  const Updates updates_;
  RunState state_;  // what LibTorch's own operators see: training
  std::unique_ptr<Weights> weights_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Bucket> buckets_;      // where there is an exchange
  std::vector<std::string> places_;  // of statistics, ranges, the loss, gradients, in this order
  int32_t range_place_ = 0, loss_place_ = 0, gradient_place_ = 0;
  std::vector<MovingRange> moving_;
  at::Tensor range_pointers_, range_units_, peaks_;
  Tape tape_;
  at::Tensor workspace_, logits_;
};

}  // namespace qat::train::cuda
