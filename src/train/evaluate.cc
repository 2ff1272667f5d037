// A pass over a split: see evaluate.h.
#include "train/evaluate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "train/distributed/agree.h"

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
                           const config::Options& options, const Report& report, SkipLog& skipped, Group* group) {
  data::Loader loader(dataset, data::test_transform(options.data),
                      {.batch = options.test.batch,
                       .workers = options.data.workers,
                       .prefetch = options.data.prefetch,
                       .skip_broken = options.data.broken == "skip",
                       .shard = shard_of(group, Batches::kInTurns)});
  loader.start(0);
  std::array<int64_t, 2> counts{};
  int64_t &correct = counts[0], &seen = counts[1];
  bool interrupted = false;
  agreed(group, [&] {
    while (const auto batch = interrupted ? std::nullopt : loader.next()) {
      correct += count_correct(module.logits(batch->images), *batch);
      seen += batch->size();
      if (report.progress) report.progress("evaluate", seen * ranks(group), dataset->size(), "");
      interrupted = report.interrupted && report.interrupted();
    }
  });
  if (any(group, interrupted)) return std::nullopt;
  if (group != nullptr) group->sum(std::span<int64_t>(counts));
  skipped.note("selection", loader, group);
  agreed(group, [&] {
    if (seen == 0) fail(Code::kBadFile, "[DATA.PATH] no image that models are selected on could be used");
  });
  return 100.0 * static_cast<double>(correct) / static_cast<double>(seen);
}

}  // namespace qat::train
