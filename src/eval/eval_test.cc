// Accuracy, agreement, latency figures and differences on cases whose answers are known.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "eval/accuracy.h"
#include "eval/compare.h"
#include "eval/latency.h"
#include "eval/open_model.h"

namespace qat::eval {
namespace {

// Image i is one pixel of value i, label i % 7; every `broken`-th cannot be read.
class Pixels : public data::Dataset {
 public:
  explicit Pixels(int64_t size, int64_t broken = 0) : size_(size), broken_(broken) {}
  int64_t size() const override { return size_; }
  int64_t channels() const override { return 1; }
  int64_t classes() const override { return 7; }
  std::string class_name(int64_t label) const override { return cat(label); }
  std::string name(int64_t index) const override { return cat("pixel ", index); }
  data::Image get(int64_t index) const override {
    if (broken_ > 0 && index % broken_ == 0) fail(Code::kBadFile, "image ", index, " is broken");
    Tensor pixels(DType::kU8, {1, 1, 1});
    pixels.data<uint8_t>()[0] = static_cast<uint8_t>(index);
    return {.pixels = pixels, .label = index % 7};
  }

 private:
  int64_t size_, broken_;
};

// Its answer for pixel i is class (i + shift) % 7, and the class after that comes second, and so on.
class Shifted : public Classifier {
 public:
  explicit Shifted(int64_t shift, std::map<std::string, std::string> metadata = {})
      : shift_(shift), metadata_(std::move(metadata)) {}
  Tensor logits(const Tensor& images) override {
    if (classes == 0) fail(Code::kUsage, "[input x] a shape that it does not take");
    Tensor result(DType::kF32, {images.dim(0), classes});
    for (int64_t i = 0; i < images.dim(0); ++i) {
      const auto pixel = static_cast<int64_t>(std::lround(images.data<float>()[static_cast<size_t>(i)] * 255));
      for (int64_t rank = 0; rank < classes; ++rank) {
        const int64_t label = (pixel + shift_ + rank) % classes;
        result.data<float>()[static_cast<size_t>(i * classes + label)] = static_cast<float>(-rank);
      }
      if (pixel == nan_at) result.data<float>()[static_cast<size_t>(i * classes)] = NAN;
    }
    return result;
  }
  std::string describe() const override { return "shifted"; }
  int64_t channels() const override { return takes; }
  const std::map<std::string, std::string>& metadata() const override { return metadata_; }

  int64_t classes = 7;
  int64_t nan_at = -1;
  int64_t takes = 0;

 private:
  int64_t shift_;
  std::map<std::string, std::string> metadata_;
};

Evaluation evaluate_on(Classifier& model, int64_t images, EvaluateOptions options = {}, int64_t broken = 0) {
  options.normalization = {.mean = {0}, .std = {1}};
  options.reference_normalization = options.normalization;
  data::Loader loader(std::make_shared<Pixels>(images, broken), [](const Tensor& pixels, Random&) { return pixels; },
                      {.batch = 8, .workers = 0, .skip_broken = broken > 0});
  return evaluate(model, loader, options);
}

TEST(Accuracy, CountsTopOneTopFiveAndAgreement) {
  Shifted right(0), fourth_off(3), sixth_off(2);
  EXPECT_EQ(evaluate_on(right, 30).top1, 30);
  const Evaluation off = evaluate_on(fourth_off, 30, {.reference = &right});  // the label comes at rank 4
  EXPECT_EQ(off.top1, 0);
  EXPECT_EQ(off.top5, 30);
  EXPECT_EQ(off.agreed, 0);
  EXPECT_EQ(evaluate_on(sixth_off, 30).top5, 0);  // rank 5
  const Evaluation same = evaluate_on(fourth_off, 30, {.reference = &fourth_off});
  EXPECT_EQ(same.agreement_percent(), 100);
  EXPECT_EQ(same.predictions.at(0), 3);
  EXPECT_EQ(same.images, 30);
}

TEST(Accuracy, BrokenImagesAreCountedNotReplaced) {
  Shifted right(0);
  const Evaluation result = evaluate_on(right, 30, {}, 10);
  EXPECT_EQ(result.images, 27);
  EXPECT_EQ(result.broken, 3);
  EXPECT_EQ(result.top1_percent(), 100);
}

TEST(Accuracy, NanAndTooFewClassesAreErrors) {
  Shifted model(0);
  model.nan_at = 11;
  try {
    evaluate_on(model, 30);
    FAIL() << "a NaN passed";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kNan);
    EXPECT_NE(std::string(e.what()).find("image 11"), std::string::npos) << e.what();
  }
  Shifted few(0);
  few.classes = 5;
  EXPECT_THROW(evaluate_on(few, 30), Error);
}

TEST(Accuracy, ErrorsNameTheModel) {
  Shifted right(0), colours(0), broken(0);
  colours.takes = 3, broken.classes = 0;
  const auto error_of = [](Classifier& model, const EvaluateOptions& options) -> std::string {
    try {
      evaluate_on(model, 30, options);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), Code::kUsage);
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of(broken, {.name = "a.engine"}), "a.engine: [input x] a shape that it does not take");
  EXPECT_EQ(error_of(right, {.name = "a.engine", .reference_name = "b.pth", .reference = &broken}),
            "b.pth: [input x] a shape that it does not take");
  EXPECT_EQ(error_of(colours, {.name = "a.engine"}).find("a.engine: takes images of 3 channels, the data's have 1;"),
            0u);
  EXPECT_EQ(error_of(right, {.reference_name = "b.pth", .reference = &colours}).find("b.pth: takes images of 3"), 0u);
}

TEST(Accuracy, OfEqualLogitsTheLowerClassWins) {
  const std::vector<float> flat{1, 1, 1}, up{0, 2, 2};
  EXPECT_EQ(argmax(flat), 0);
  EXPECT_EQ(argmax(up), 1);
  EXPECT_EQ(rank_of(flat, 2), 2);
  EXPECT_EQ(rank_of(up, 1), 0);
  EXPECT_EQ(rank_of(up, 2), 1);
  EXPECT_EQ(rank_of(up, 0), 2);
}

TEST(Accuracy, NormalizationComesFromTheModelFirst) {
  config::DataOptions options{.mean = {0.5}, .std = {0.25}};
  const auto of = [&options](std::map<std::string, std::string> metadata) {
    return normalization_of(Shifted(0, std::move(metadata)), "a.onnx", options);
  };
  EXPECT_EQ(of({{"mean", "[0.485, 0.456, 0.406]"}, {"std", "0.229 0.224,0.225"}}),
            (Normalization{.mean = {0.485, 0.456, 0.406}, .std = {0.229, 0.224, 0.225}}));
  EXPECT_EQ(of({{"mean", "1"}}), (Normalization{.mean = {0.5}, .std = {0.25}}));
  EXPECT_THROW(normalization_of(Shifted(0), "a.onnx", config::DataOptions{}), Error);
}

TEST(Accuracy, AFilesNormalizationOfBytesIsRefused) {
  const Shifted model(0, {{"mean", "[123.675, 116.28, 103.53]"}, {"std", "[58.395, 57.12, 57.375]"}});
  try {
    normalization_of(model, "a.onnx", {.mean = {0.5}, .std = {0.25}});
    FAIL() << "a mean of 123.675 passed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    EXPECT_EQ(std::string(error.what()).find("a.onnx: its mean [123.675, 116.28, 103.53]"), 0u) << error.what();
    EXPECT_NE(std::string(error.what()).find("give DATA.MEAN and DATA.STD"), std::string::npos) << error.what();
  }
}

TEST(Compare, FiguresOfKnownVectors) {
  const Tensor a = Tensor::from<float>({3, 4, 0}, {3}), b = Tensor::from<float>({3, 4, 1}, {3});
  const Difference figures = difference(a, b);
  EXPECT_NEAR(figures.cosine, 25 / std::sqrt(25.0 * 26.0), 1e-12);
  EXPECT_NEAR(figures.snr_db, 10 * std::log10(25.0), 1e-12);
  EXPECT_EQ(figures.max_abs, 1);
  EXPECT_EQ(figures.relative, 0.25);
  EXPECT_EQ(difference(a, a).cosine, 1);
  EXPECT_TRUE(std::isinf(difference(a, a).snr_db));
  const Tensor zero(DType::kF32, {3});
  EXPECT_EQ(difference(zero, zero).cosine, 1);
  EXPECT_EQ(difference(a, zero).cosine, 0);
  EXPECT_TRUE(std::isnan(difference(a, Tensor::from<float>({1, 1, INFINITY}, {3})).cosine));
}

TEST(Latency, FiguresOfKnownSamples) {
  std::vector<Sample> samples;
  for (int i = 100; i >= 1; --i) samples.push_back({.latency_ms = static_cast<double>(i)});
  const Latency figures = summarize(samples, 2.0);
  EXPECT_EQ(figures.min, 1);
  EXPECT_EQ(figures.max, 100);
  EXPECT_EQ(figures.mean, 50.5);
  EXPECT_EQ(figures.median, 50.5);
  EXPECT_EQ(figures.throughput, 50);
  EXPECT_EQ(figures.percentile(99), 99);
  EXPECT_EQ(figures.percentile(100), 100);
  EXPECT_EQ(figures.percentile(0), 1);
  EXPECT_EQ(summarize({}, 0).percentile(50), 0);
}

TEST(OpenModel, KindsByExtension) {
  EXPECT_EQ(kind_of("a/b.PTH"), ModelKind::kCheckpoint);
  EXPECT_EQ(kind_of("b.pt"), ModelKind::kCheckpoint);
  EXPECT_EQ(kind_of("b.onnx"), ModelKind::kOnnx);
  EXPECT_EQ(kind_of("b.engine"), ModelKind::kEngine);
  EXPECT_EQ(kind_of("b.safetensors"), ModelKind::kSafetensors);
  EXPECT_THROW(kind_of("b"), Error);
  EXPECT_THROW(load_graph("b.engine", {}), Error);
}

}  // namespace
}  // namespace qat::eval
