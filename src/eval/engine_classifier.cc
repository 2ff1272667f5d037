// Engines behind the Classifier interface: see engine_classifier.h.
#include "eval/engine_classifier.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/plan/file.h"
#include "engine/runtime/session.h"

namespace qat::eval {

namespace {

class EngineClassifier : public Classifier {
 public:
  EngineClassifier(engine::Plan plan, const EngineOptions& options)
      : plan_(std::make_shared<const engine::Plan>(std::move(plan))),
        session_(plan_, {.threads = options.threads}),
        metadata_(plan_->metadata) {
    metadata_["precision"] = plan_->precision;
    if (plan_->placeholder) metadata_["placeholder"] = "1";
    if (plan_->outputs.size() != 1 || plan_->outputs[0].rank != 2) {
      fail(Code::kUsage, "[engine ", plan_->network, "] expected one output [N,classes] of a classifier");
    }
    if (plan_->input_mode != engine::InputMode::kU8Nhwc) return;
    normalization_ = engine::picture_normalization(*plan_);  // built in: no option replaces it
  }

  Tensor logits(const Tensor& images) override {
    if (images.shape().size() != 4) fail(Code::kUsage, "expected images [N,C,H,W], got ", to_string(images.shape()));
    const int64_t total = images.dim(0), classes = plan_->outputs[0].channels;
    Tensor result(DType::kF32, {total, classes});
    for (int64_t done = 0; done < total;) {
      const int64_t batch = std::min(total - done, plan_->profile.max[0]);
      const std::vector<float> logits = run(session_, images, done, batch);
      std::copy_n(logits.data(), batch * classes, result.data<float>().data() + done * classes);
      done += batch;
    }
    return result;
  }

  std::string describe() const override {
    return cat("engine, ", plan_->precision, plan_->placeholder ? " (placeholder scales)" : "", ", qat runtime, ",
               plan_->device == engine::Device::kCuda ? session_.device_name()
                                                      : cat(name_of(plan_->isa), ", ", session_.threads(),
                                                            session_.threads() == 1 ? " thread" : " threads"));
  }
  int64_t channels() const override { return plan_->profile.max[1]; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }

  // Every step's result, under the name of the layer that starts it.
  std::map<std::string, Tensor> layers(const Tensor& images) override {
    engine::Session keeping(plan_, {.threads = session_.threads(), .keep_tensors = true});
    std::map<std::string, Tensor> result;
    const int64_t total = images.dim(0);
    for (int64_t done = 0; done < total;) {
      const int64_t batch = std::min(total - done, plan_->profile.max[0]);
      run(keeping, images, done, batch);
      for (const engine::Step& step : plan_->steps) {
        if (step.output < 0) continue;
        std::vector<int64_t> shape;
        const std::vector<float> values = keeping.tensor(step.output, &shape);
        const auto one = static_cast<int64_t>(values.size()) / shape[0];
        shape[0] = total;
        Tensor& all = result[step.name];
        if (!all.defined()) all = Tensor(DType::kF32, shape);
        std::copy_n(values.data(), batch * one, all.data<float>().data() + done * one);
      }
      done += batch;
    }
    return result;
  }

 private:
  // A batch smaller than the profile's smallest is filled up with its first image; the results beyond are to be
  // dropped.
  std::vector<float> run(engine::Session& session, const Tensor& images, int64_t first, int64_t batch) const {
    const int64_t image = images.dim(1) * images.dim(2) * images.dim(3);
    const int64_t bound = std::max(batch, plan_->profile.min[0]);
    session.bind({bound, images.dim(1), images.dim(2), images.dim(3)});
    const float* x = images.data<float>().data() + first * image;
    Tensor padded;
    if (first + bound > images.dim(0)) {
      padded = Tensor(DType::kF32, {bound, images.dim(1), images.dim(2), images.dim(3)});
      std::copy_n(x, batch * image, padded.data<float>().data());
      for (int64_t i = batch; i < bound; ++i) std::copy_n(x, image, padded.data<float>().data() + i * image);
      x = padded.data<float>().data();
    }
    const Tensor& source = padded.defined() ? padded : images;
    const std::vector<uint8_t> pictures = to_pictures(source, padded.defined() ? 0 : first, bound);
    std::vector<float> logits(static_cast<size_t>(bound * plan_->outputs[0].channels));
    session.run(pictures.empty() ? static_cast<const void*>(x) : pictures.data(), {logits.data()});
    return logits;
  }

  // For engines that take u8 [N,H,W,C]: undoes the normalization, which is one to one on pictures. Empty elsewhere.
  std::vector<uint8_t> to_pictures(const Tensor& images, int64_t first, int64_t batch) const {
    if (plan_->input_mode != engine::InputMode::kU8Nhwc) return {};
    const int64_t channels = images.dim(1), area = images.dim(2) * images.dim(3);
    std::vector<uint8_t> pixels(static_cast<size_t>(batch * area * channels));
    const float* x = images.data<float>().data() + first * channels * area;
    for (int64_t i = 0; i < batch * channels * area; ++i) {
      const int64_t n = i / (channels * area), c = i / area % channels, p = i % area;
      const auto at = [c](const std::vector<double>& v) { return v[v.size() == 1 ? 0 : static_cast<size_t>(c)]; };
      const double value = std::rint((x[i] * at(normalization_.std) + at(normalization_.mean)) * 255.0);
      pixels[static_cast<size_t>((n * area + p) * channels + c)] = static_cast<uint8_t>(std::clamp(value, 0.0, 255.0));
    }
    return pixels;
  }

  std::shared_ptr<const engine::Plan> plan_;
  engine::Session session_;
  std::map<std::string, std::string> metadata_;
  engine::PictureNormalization normalization_;  // of an engine that takes pictures
};

}  // namespace

std::unique_ptr<Classifier> open_engine(engine::Plan plan, const EngineOptions& options) {
  if (plan.placeholder && !options.allow_placeholder) {
    fail(Code::kUsage, "[engine ", plan.network,
         "] its scales are placeholders: it measures latency, its answers mean nothing; calibrate, convert and build "
         "again");
  }
  return std::make_unique<EngineClassifier>(std::move(plan), options);
}

std::unique_ptr<Classifier> open_engine(const std::filesystem::path& path, const EngineOptions& options) {
  engine::Plan plan = engine::load_plan(path);
  try {
    return open_engine(std::move(plan), options);
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.what());
  }
}

std::unique_ptr<Classifier> open_engine(const std::filesystem::path& path, int threads) {
  return open_engine(path, EngineOptions{.threads = threads});
}

}  // namespace qat::eval
