// A pass over a split: see evaluate.h.
#include "train/evaluate.h"

#include <algorithm>
#include <cmath>

namespace qat::train {

namespace {

int64_t count_correct(const Tensor& logits, const data::Batch& batch) {
  const int64_t classes = logits.dim(1);
  int64_t correct = 0;
  for (int64_t i = 0; i < batch.size(); ++i) {
    const float* row = logits.data<float>().data() + i * classes;
    if (std::any_of(row, row + classes, [](float x) { return std::isnan(x); })) {
      fail(Code::kNan, "[evaluation] a logit of image ", batch.indices[static_cast<size_t>(i)], " is NaN");
    }
    correct += std::max_element(row, row + classes) - row == batch.labels[static_cast<size_t>(i)];
  }
  return correct;
}

}  // namespace

std::optional<double> top1(GraphModule& module, const std::shared_ptr<const data::Dataset>& dataset,
                           const config::Options& options, const Report& report, SkipLog& skipped) {
  data::Loader loader(dataset, data::test_transform(options.data),
                      {.batch = options.test.batch,
                       .workers = options.data.workers,
                       .prefetch = options.data.prefetch,
                       .skip_broken = options.data.broken == "skip"});
  loader.start(0);
  int64_t correct = 0, seen = 0;
  while (const auto batch = loader.next()) {
    correct += count_correct(module.logits(batch->images), *batch);
    seen += batch->size();
    if (report.progress) report.progress("evaluate", seen, dataset->size(), "");
    if (report.interrupted && report.interrupted()) return std::nullopt;
  }
  skipped.note("selection", loader);
  if (seen == 0) fail(Code::kBadFile, "[DATA.PATH] no image that models are selected on could be used");
  return 100.0 * static_cast<double>(correct) / static_cast<double>(seen);
}

}  // namespace qat::train
