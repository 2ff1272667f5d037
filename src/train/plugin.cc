// The plugin libqat_train.so: what train.h promises, from the parts of this room.
#include "io/checkpoint.h"
#include "quant/placement.h"
#include "train/calibration.h"
#include "train/continuation.h"
#include "train/graph_module.h"
#include "train/train.h"
#include "train/trainer.h"

namespace qat::train {

namespace {

class CheckpointClassifier final : public eval::Classifier {
 public:
  CheckpointClassifier(ir::Graph graph, int threads)
      : quantized_(quant::is_quantized(graph)), module_(std::move(graph), {.threads = threads}) {}

  Tensor logits(const Tensor& images) override { return module_.logits(images); }
  std::string describe() const override {
    return cat("checkpoint, ", quantized_ ? "int8 (fake quantization)" : "fp32", ", LibTorch ", torch_version());
  }
  const std::map<std::string, std::string>& metadata() const override { return module_.graph().metadata; }
  std::map<std::string, Tensor> layers(const Tensor& images) override { return module_.layers(images); }

 private:
  bool quantized_;
  GraphModule module_;
};

class Plugin final : public TrainPlugin {
 public:
  std::filesystem::path last_checkpoint(const config::Options& options) override { return last_path(options); }
  TrainResult train(const config::Options& options, bool resume, const Report& report) override {
    return run_training(options, resume, report);
  }
  std::filesystem::path calibrate(const config::Options& options, const Report& report) override {
    return run_calibration(options, report);
  }
  std::unique_ptr<eval::Classifier> classifier(const std::filesystem::path& checkpoint, int threads) override {
    return classifier(io::load_checkpoint(checkpoint).graph, threads);
  }
  std::unique_ptr<eval::Classifier> classifier(ir::Graph graph, int threads) override {
    return std::make_unique<CheckpointClassifier>(std::move(graph), threads);
  }
};

}  // namespace

}  // namespace qat::train

extern "C" void* qat_plugin() {
  static qat::train::Plugin plugin;
  return static_cast<qat::train::TrainPlugin*>(&plugin);
}
