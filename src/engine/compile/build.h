// Builds an engine from a graph: passes, lowering, choice of kernels by measurement, the plan.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/plan/plan.h"
#include "ir/graph.h"

namespace qat::engine {

// What a build tells its caller; any may be empty.
struct BuildCallbacks {
  std::function<void(const std::string& line)> info;
  std::function<void(const std::string& label, int64_t done, int64_t total)> progress;  // trials done
  std::function<bool()> interrupted;  // true: stop with Error(kFailure)
};

struct BuildRequest {
  ir::Graph graph;  // float or with FakeQuant nodes, as zoo, checkpoints and ONNX files give it
  // min, opt, max [N,C,H,W]; all zero: the graph's own extents (an Error where one is dynamic, except the batch: 1).
  Profile profile{{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 0}};
  std::string precision = "best";  // fp32 | bf16 | fp16 | int8 | best
  InputMode input = InputMode::kF32Nchw;
  Device device = Device::kCpu;        // kCuda: for the current GPU, which must be there
  int threads = 1;                     // that tactics are timed with; 0: all of the machine
  double tactic_seconds = 2.0;         // budget of each phase of trials (GPU kernels: 3 times); 0: none, first kernels
  std::filesystem::path timing_cache;  // "": in memory
  std::vector<std::string> disabled_passes;
  std::string rebuild_command;  // stored in the engine for machines it does not fit
  BuildCallbacks callbacks;
};

struct LayerReport {
  std::string layer;        // "layer1.0.conv2"
  std::string fused;        // "layer1.0.conv2 + layer1.0.bn2 + add + relu"
  std::string op;           // the step's op, "conv"
  std::string precision;    // "int8", "fp32", "bf16"
  std::string kernel;       // "conv_s8_6x64_avx512vnni"
  double milliseconds = 0;  // at the optimal shape; 0: not measured
  double operations = 0;    // there; multiply-adds count twice
  int candidates = 0;
};

struct PassReport {
  std::string name;
  double milliseconds = 0;
  bool disabled = false;
};

struct BuildReport {
  std::vector<PassReport> passes;
  std::vector<std::string> fusions;   // "layer1.0.conv2 + layer1.0.bn2 + add + relu -> 1 step"
  std::vector<std::string> not_int8;  // "[softmax prob] stays in float: ..." (int8 and best only)
  std::vector<std::string> notes;     // "fp16 is not available on this CPU: bf16 is used"
  std::vector<LayerReport> layers;
  bool placeholder = false;
  double seconds = 0;
};

struct BuildResult {
  Plan plan;
  BuildReport report;
};

// Throws Error(kUsage) for an impossible request (shapes, precision, a pass that does not exist), Error(kBadFile) for a
// graph that cannot be compiled, naming the layer, Error(kWrongMachine) for device kCuda without a GPU.
BuildResult build(BuildRequest request);

// Why this timing cache will keep nothing of what a build measures, in the words of the build's note; "" where it will,
// as far as can be known before.
std::string timing_cache_note(const std::filesystem::path& path);

// The passes in their order: what --disable-pass takes.
std::vector<std::string> pass_names();

// "input:1x3x64x64" or "1x3x64x64" -> {1, 3, 64, 64}. Throws Error(kUsage).
InputShape parse_shape(const std::string& text);

}  // namespace qat::engine
