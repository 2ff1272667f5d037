// Training on another device than the host: what the plugin libqat_train_cuda.so provides. No LibTorch, no CUDA.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/loader.h"
#include "quant/calib/calibrator.h"
#include "train/graph_module.h"
#include "train/kernels/kernels.h"
#include "train/optimizer.h"
#include "train/outcome.h"

namespace qat::train {

using Averages = std::map<std::string, std::vector<float>>;  // of TRAIN.EMA, by name

// Steps of one run, on copies of its parameters, optimizer and averages that stay on the device.
class DeviceSteps {
 public:
  virtual ~DeviceSteps() = default;

  // Queues a step. Returns the outcomes that became known, oldest first: those of steps before this one.
  virtual std::vector<StepOutcome> step(const data::Batch& batch, const StepSettings& settings) = 0;
  // Waits for all; the outcomes not returned yet.
  virtual std::vector<StepOutcome> finish() = 0;

  virtual void load(const ir::Graph& graph, const OptimizerState& optimizer, const Averages& average) = 0;
  virtual void store(ir::Graph& graph, OptimizerState& optimizer, Averages& average) = 0;

  // Milliseconds of one more step on the batch of the last one, by kind of work. For benchmarks: it trains, too.
  virtual std::map<std::string, double> profile() = 0;
};

// Calibration's histograms in the device's memory.
class DeviceHistograms {
 public:
  virtual ~DeviceHistograms() = default;
  virtual void add(size_t histogram, std::span<const float> device_values) = 0;
  virtual quant::Histogram get(size_t histogram) = 0;
};

class DevicePlugin {
 public:
  virtual ~DevicePlugin() = default;
  virtual std::string name() = 0;     // "NVIDIA H200"
  virtual int64_t peak_memory() = 0;  // bytes that tensors held at most since the last call

  // module: gives the graph and its trained parameters; outlives the steps, as does the graph in it. group: of the
  // ranks that train together, or nullptr.
  virtual std::unique_ptr<DeviceSteps> steps(GraphModule& module, const config::Options& options,
                                             const Averages& average, Group* group) = 0;
  // Which of the machine's devices this process uses, before anything else: ranks on one host have one each.
  virtual void use(int local_rank) = 0;
  virtual int index() = 0;
  virtual std::unique_ptr<DeviceHistograms> histograms(size_t count) = 0;

  // Kernels::norm_act without mask or peak: x, skip, y are the device's, a and b too. Queued on LibTorch's stream.
  virtual void norm_act(const NormActArgs& args) = 0;
};

// For DEVICE cuda; nullptr for cpu. Throws Error with one line: kFailure where the plugin is missing, kWrongMachine
// where the machine has no GPU that it can use.
DevicePlugin* device_plugin(const std::string& device);

}  // namespace qat::train
