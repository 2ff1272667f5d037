// Accuracy of a classifier: see accuracy.h.
#include "eval/accuracy.h"

#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/normalization.h"

namespace qat::eval {

namespace {

constexpr int64_t kTop = 5;

std::span<const float> row_of(const Tensor& logits, int64_t row) {
  const auto classes = static_cast<size_t>(logits.dim(1));
  return logits.data<float>().subspan(static_cast<size_t>(row) * classes, classes);
}

// One of the two models, and what messages call it.
struct Named {
  Classifier& model;
  std::string name;
};

Named named(Classifier& model, const std::string& name) { return {model, name.empty() ? model.describe() : name}; }

void check_logits(const Tensor& logits, const data::Batch& batch, const std::string& what) {
  if (logits.shape().size() != 2 || logits.dim(0) != batch.size()) {
    fail(Code::kBadFile, what, ": expected logits [", batch.size(), ", classes], got ", to_string(logits.shape()));
  }
  for (int64_t i = 0; i < batch.size(); ++i) {
    const int64_t index = batch.indices[static_cast<size_t>(i)];
    const int64_t label = batch.labels[static_cast<size_t>(i)];
    if (label < 0 || label >= logits.dim(1)) {
      fail(Code::kBadFile, what, ": image ", index, " has label ", label, ", the model ", logits.dim(1),
           " classes; check MODEL.CLASSES and DATA.PATH");
    }
    for (const float logit : row_of(logits, i)) {
      if (!std::isfinite(logit)) fail(Code::kNan, what, ": a logit of image ", index, " is ", logit);
    }
  }
}

}  // namespace

Normalization normalization_of(const Classifier& model, const std::string& name, const config::DataOptions& options) {
  const auto& metadata = model.metadata();
  const auto mean = metadata.find("mean"), std = metadata.find("std");
  Normalization result{.mean = options.mean, .std = options.std};
  if (mean != metadata.end() && std != metadata.end()) {
    Normalization own{.mean = numbers_in(mean->second), .std = numbers_in(std->second)};
    if (!own.mean.empty() && own.mean.size() == own.std.size()) result = std::move(own);
  }
  if (result.mean.empty())
    fail(Code::kUsage, name, ": the file does not say its mean and deviation; give DATA.MEAN, DATA.STD");
  check_normalization(result.mean, result.std, name, "give DATA.MEAN and DATA.STD on the command line");
  return result;
}

int64_t argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<int64_t>(best);
}

int64_t rank_of(std::span<const float> logits, int64_t label) {
  const auto at = static_cast<size_t>(label);
  int64_t rank = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > logits[at] || (logits[i] == logits[at] && i < at)) ++rank;
  }
  return rank;
}

void check_channels(const Classifier& model, const std::string& name, int64_t channels) {
  const int64_t own = model.channels();
  if (own == 0 || own == channels) return;
  fail(Code::kUsage, name, ": takes images of ", own, own == 1 ? " channel" : " channels", ", the data's have ",
       channels, "; give it other data (IDX files are grey, folders RGB), or a model of ", channels);
}

Tensor logits_of(Classifier& model, const std::string& name, const Tensor& images) {
  try {
    return model.logits(images);
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with(name)) throw;
    fail(error.code(), name, ": ", error.what());
  }
}

Evaluation evaluate(Classifier& model, data::Loader& loader, const EvaluateOptions& options) {
  Evaluation result;
  const Named own = named(model, options.name);
  std::optional<Named> reference;
  if (options.reference != nullptr) reference.emplace(named(*options.reference, options.reference_name));
  const int64_t batches = loader.batches();
  int64_t done = 0;
  loader.start(0);
  while (const std::optional<data::Batch> batch = loader.next()) {
    check_channels(own.model, own.name, batch->images.dim(3));
    if (reference) check_channels(reference->model, reference->name, batch->images.dim(3));
    const Tensor images = data::normalize_nchw(batch->images, options.normalization.mean, options.normalization.std);
    const auto start = std::chrono::steady_clock::now();
    const Tensor logits = logits_of(own.model, own.name, images);
    result.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    check_logits(logits, *batch, own.name);
    Tensor expected;
    if (reference) {
      const bool same = options.reference_normalization == options.normalization;
      const Normalization& other = options.reference_normalization;
      expected = logits_of(reference->model, reference->name,
                           same ? images : data::normalize_nchw(batch->images, other.mean, other.std));
      check_logits(expected, *batch, reference->name);
    }
    for (int64_t i = 0; i < batch->size(); ++i) {
      const int64_t rank = rank_of(row_of(logits, i), batch->labels[static_cast<size_t>(i)]);
      const int64_t prediction = argmax(row_of(logits, i));
      result.top1 += rank == 0 ? 1 : 0;
      result.top5 += rank < kTop ? 1 : 0;
      if (expected.defined()) result.agreed += prediction == argmax(row_of(expected, i)) ? 1 : 0;
      result.predictions.push_back(static_cast<int32_t>(prediction));
    }
    result.images += batch->size();
    result.classes = logits.dim(1);
    if (options.progress) options.progress(++done, batches, result);
    if (options.interrupted && options.interrupted()) break;
  }
  result.broken = loader.skipped();
  return result;
}

}  // namespace qat::eval
