// A run's steps on one GPU: feed, program, CUDA graph, outcomes. See train/device.h.
#pragma once

#include <map>
#include <memory>

#include "train/cuda/feed.h"
#include "train/cuda/outcomes.h"
#include "train/device.h"

namespace qat::train::cuda {

// The first step of a shape runs launch by launch: libraries make their plans then. The second is captured, and from
// then on one launch is a step. The same kernels run either way, so the results are the same bits. Of several ranks
// each has a GPU; they exchange gradients within the step, through NCCL.
class CudaSteps final : public DeviceSteps {
 public:
  // capture false: every step launch by launch.
  CudaSteps(GraphModule& module, const config::Options& options, const Averages& average, Group* group, bool capture);

  std::vector<StepOutcome> step(const data::Batch& batch, const StepSettings& settings) override;
  std::vector<StepOutcome> finish() override;
  void load(const ir::Graph& graph, const OptimizerState& optimizer, const Averages& average) override;
  void store(ir::Graph& graph, OptimizerState& optimizer, Averages& average) override;

  std::map<std::string, double> profile() override;

 private:
  struct Captured {
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    at::Tensor table;  // that its launches read
  };
  // Of one batch shape, with or without frozen BatchNorm, and so many images on all ranks.
  struct Shape {
    Feed::Input input;
    Captured captured;
    int64_t runs = 0;
  };
  struct Key {
    std::vector<int64_t> shape;
    bool bn_frozen = false;
    int64_t all_images = 0;
    auto operator<=>(const Key&) const = default;
  };

  void run(Shape& shape, const Key& key);
  Captured capture(const ProgramBatch& batch);
  ProgramBatch batch_of(const Shape& shape, const Key& key) const;

  const config::Options options_;
  const bool capture_;
  c10::cuda::CUDAStream stream_;
  at::Tensor scalars_, outputs_;  // one block each, in device memory
  Group* const group_;
  std::unique_ptr<Exchange> exchange_;  // of several ranks
  std::unique_ptr<Program> program_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Outcomes> outcomes_;
  std::map<Key, Shape> shapes_;
  Key last_;
  at::cuda::MempoolId_t pool_;  // of all captured graphs: they never run at the same time
  int64_t classes_ = 0, taken_ = 0;
};

}  // namespace qat::train::cuda
