// Accuracy of a classifier on a split: top-1, top-5, agreement with another model image by image.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/data.h"
#include "eval/classifier.h"

namespace qat::eval {

// Mean and deviation per channel of x / 255.
struct Normalization {
  std::vector<double> mean, std;
  bool operator==(const Normalization&) const = default;
};

// The model's own metadata ("mean", "std": numbers apart by commas), else DATA.MEAN and DATA.STD. name: the model's
// file. Throws Error(kUsage) when neither has them, Error(kBadFile) when they are of pixels 0 to 255.
Normalization normalization_of(const Classifier& model, const std::string& name, const config::DataOptions& options);

struct Evaluation {
  int64_t images = 0;
  int64_t broken = 0;  // images that could not be decoded and were left out
  int64_t top1 = 0, top5 = 0;
  int64_t agreed = 0;                // same class as the reference
  int64_t classes = 0;               // of the model
  double seconds = 0;                // inside the model
  std::vector<int32_t> predictions;  // by image, in the order of the split

  double top1_percent() const { return percent(top1); }
  double top5_percent() const { return percent(top5); }
  double agreement_percent() const { return percent(agreed); }
  double images_per_second() const { return seconds > 0 ? static_cast<double>(images) / seconds : 0; }

 private:
  double percent(int64_t part) const {
    return images > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(images) : 0;
  }
};

struct EvaluateOptions {
  std::string name, reference_name;  // the files, for messages; "": what the model says of itself
  Normalization normalization;
  Classifier* reference = nullptr;
  Normalization reference_normalization;
  std::function<void(int64_t done, int64_t total, const Evaluation& so_far)> progress;  // may be empty
  std::function<bool()> interrupted;                                                    // may be empty
};

// One pass over `loader` (epoch 0). Of equal logits the lower class wins. Throws Error(kNan) naming the image when a
// logit is not finite, Error(kBadFile) when the number of logits does not fit a label, Error(kUsage) when the images
// have other channels than the model takes. The message begins with the model that it is about, errors of its own, too.
Evaluation evaluate(Classifier& model, data::Loader& loader, const EvaluateOptions& options);

// Throws Error(kUsage) beginning with `name` when images have other channels than the model takes.
void check_channels(const Classifier& model, const std::string& name, int64_t channels);

// model.logits(images); its error begins with `name`, the model's file.
Tensor logits_of(Classifier& model, const std::string& name, const Tensor& images);

// Rank of `label` among the logits of one image: the number of classes that come before it.
int64_t rank_of(std::span<const float> logits, int64_t label);
int64_t argmax(std::span<const float> logits);

}  // namespace qat::eval
