// Top-1 of a module on a dataset.
#pragma once

#include <memory>
#include <optional>

#include "config/options.h"
#include "data/data.h"
#include "train/distributed/group.h"
#include "train/graph_module.h"
#include "train/skip_log.h"
#include "train/train.h"

namespace qat::train {

// Per cent of images whose largest logit is the label's (the first of equals), with the test transforms and TEST.BATCH.
// Nothing when it was interrupted. Broken images that DATA.BROKEN=skip leaves out are noted as those of the selection.
// Throws Error(kNan) when a logit is NaN. Ranks of a group take batches in turns and get the sum.
std::optional<double> top1(GraphModule& module, const std::shared_ptr<const data::Dataset>& dataset,
                           const config::Options& options, const Report& report, SkipLog& skipped,
                           Group* group = nullptr);

}  // namespace qat::train
