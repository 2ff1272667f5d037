// The plugin libqat_train.so: what train.h promises, from the parts of this room.
#include "quant/placement.h"
#include "train/calibration.h"
#include "train/continuation.h"
#include "train/device.h"
#include "train/distributed/session.h"
#include "train/graph_module.h"
#include "train/train.h"
#include "train/trainer.h"

namespace qat::train {

namespace {

class CheckpointClassifier final : public eval::Classifier {
 public:
  CheckpointClassifier(ir::Graph graph, const Where& where)
      : quantized_(quant::is_quantized(graph)),
        device_(device_plugin(where.device)),
        module_(std::move(graph), {.threads = where.threads, .device = where.device}) {}

  Tensor logits(const Tensor& images) override { return module_.logits(images); }
  std::string describe() const override {
    return cat("checkpoint, ", quantized_ ? "int8 (fake quantization)" : "fp32", ", LibTorch ", torch_version(),
               device_ == nullptr ? "" : " on " + device_->name());
  }
  int64_t channels() const override {
    const ir::Dims& dims = module_.graph().value(module_.graph().inputs.at(0)).dims;
    return dims.size() == 4 && dims[1] != ir::kDynamic ? dims[1] : 0;
  }
  const std::map<std::string, std::string>& metadata() const override { return module_.graph().metadata; }
  std::map<std::string, Tensor> layers(const Tensor& images) override { return module_.layers(images); }

 private:
  bool quantized_;
  DevicePlugin* device_;
  GraphModule module_;
};

class Plugin final : public TrainPlugin {
 public:
  bool launched() override { return find_launch().has_value(); }
  std::filesystem::path last_checkpoint(const config::Options& options) override { return last_path(options); }
  TrainResult train(const config::Options& options, bool resume, const Report& report) override {
    TrainResult result;
    with_session(options, report, [&](const Session& session) {
      result = run_training(session.options, resume, session.report, session.group);
    });
    return result;
  }
  std::filesystem::path calibrate(const config::Options& options, const Report& report) override {
    std::filesystem::path path;
    with_session(options, report, [&](const Session& session) {
      path = run_calibration(session.options, session.report, session.group);
    });
    return path;
  }
  std::unique_ptr<eval::Classifier> classifier(ir::Graph graph, const Where& where) override {
    return std::make_unique<CheckpointClassifier>(std::move(graph), where);
  }
};

}  // namespace

}  // namespace qat::train

extern "C" void* qat_plugin() {
  static qat::train::Plugin plugin;
  return static_cast<qat::train::TrainPlugin*>(&plugin);
}
