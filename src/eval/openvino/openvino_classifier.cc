// The OpenVINO plugin: see openvino.h.
#include <openvino/openvino.hpp>

#include "base/error.h"
#include "eval/openvino/openvino.h"

namespace qat::eval {

namespace {

// OpenVINO's messages begin with source positions; the last line that is not empty says what happened.
std::string reason_of(const std::exception& error) {
  std::string reason;
  for (const std::string& line : split(error.what(), '\n')) {
    if (!trim(line).empty()) reason = trim(line);
  }
  return reason;
}

class OpenVinoClassifier : public Classifier {
 public:
  OpenVinoClassifier(const std::filesystem::path& path, int threads) : path_(path) {
    ov::Core core;
    const std::shared_ptr<ov::Model> model = core.read_model(path.string());
    if (model->inputs().size() != 1 || model->outputs().size() != 1) {
      fail(Code::kBadFile, path.string(), ": expected a classifier of one input and one output, got ",
           model->inputs().size(), " and ", model->outputs().size());
    }
    read_metadata(*model);
    dims_ = model->input().get_partial_shape();
    ov::AnyMap settings{ov::hint::inference_precision(ov::element::f32),
                        ov::hint::performance_mode(ov::hint::PerformanceMode::LATENCY)};
    if (threads > 0) settings.insert(ov::inference_num_threads(threads));
    request_ = core.compile_model(model, "CPU", settings).create_infer_request();
  }

  Tensor logits(const Tensor& images) override {
    const bool one_by_one = dims_.rank().is_static() && dims_[0].is_static() && dims_[0].get_length() != images.dim(0);
    return one_by_one ? in_batches_of(dims_[0].get_length(), images) : infer(images);
  }

  std::string describe() const override {
    return cat("ONNX file, OpenVINO ", ov::get_openvino_version().buildNumber, ", f32");
  }
  int64_t channels() const override {
    const bool known = dims_.rank().is_static() && dims_.rank().get_length() == 4 && dims_[1].is_static();
    return known ? dims_[1].get_length() : 0;
  }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }

 private:
  // The ONNX front end keeps metadata_props under "framework".
  void read_metadata(const ov::Model& model) {
    const ov::RTMap& info = model.get_rt_info();
    const auto framework = info.find("framework");
    if (framework == info.end() || !framework->second.is<ov::AnyMap>()) return;
    for (const auto& [key, value] : framework->second.as<ov::AnyMap>()) metadata_[key] = value.as<std::string>();
  }

  Tensor infer(const Tensor& images) {
    ov::Shape shape(images.shape().begin(), images.shape().end());
    if (!dims_.compatible(ov::PartialShape(shape))) {
      fail(Code::kUsage, path_.string(), ": takes input ", dims_.to_string(), ", got ", to_string(images.shape()),
           "; check DATA.SIZE");
    }
    // OpenVINO only reads its input tensors.
    request_.set_input_tensor(ov::Tensor(ov::element::f32, shape, const_cast<void*>(images.raw())));
    request_.infer();
    const ov::Tensor output = request_.get_output_tensor();
    if (output.get_element_type() != ov::element::f32) {
      fail(Code::kBadFile, path_.string(), ": expected f32 logits, got ", output.get_element_type().get_type_name());
    }
    const ov::Shape extents = output.get_shape();
    Tensor result(DType::kF32, Shape(extents.begin(), extents.end()));
    std::copy_n(output.data<float>(), result.size(), result.data<float>().begin());
    return result;
  }

  // A static file: its own batch, the last one filled up with zeros.
  Tensor in_batches_of(int64_t batch, const Tensor& images) {
    const int64_t total = images.dim(0), image = images.size() / std::max<int64_t>(total, 1);
    Tensor result;
    for (int64_t begin = 0; begin < total; begin += batch) {
      const int64_t used = std::min(batch, total - begin);
      Shape shape = images.shape();
      shape[0] = batch;
      Tensor part(DType::kF32, shape);
      std::copy_n(images.data<float>().begin() + begin * image, used * image, part.data<float>().begin());
      const Tensor logits = infer(part);
      const int64_t classes = logits.size() / batch;
      if (!result.defined()) result = Tensor(DType::kF32, {total, classes});
      std::copy_n(logits.data<float>().begin(), used * classes, result.data<float>().begin() + begin * classes);
    }
    return result;
  }

  std::filesystem::path path_;
  std::map<std::string, std::string> metadata_;
  ov::PartialShape dims_;
  ov::InferRequest request_;
};

class Plugin : public OpenVinoPlugin {
 public:
  std::unique_ptr<Classifier> classifier(const std::filesystem::path& onnx, int threads) override {
    if (!std::filesystem::exists(onnx))
      fail(Code::kIo, "cannot open ", onnx.string(), ": no such file; check the path");
    try {
      return std::make_unique<OpenVinoClassifier>(onnx, threads);
    } catch (const ov::Exception& error) {
      fail(Code::kBadFile, onnx.string(), ": OpenVINO cannot read it: ", reason_of(error));
    }
  }
};

}  // namespace

}  // namespace qat::eval

extern "C" void* qat_plugin() {
  static qat::eval::Plugin plugin;
  return static_cast<qat::eval::OpenVinoPlugin*>(&plugin);
}
