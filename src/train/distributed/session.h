// A command's work, alone or together with the other processes that a launcher started.
#pragma once

#include <functional>

#include "config/options.h"
#include "train/distributed/group.h"
#include "train/train.h"

namespace qat::train {

// What a rank works with: TRAIN.THREADS 0 is its share of the host's cores, and only rank 0 reports.
struct Session {
  config::Options options;
  Report report;
  Group* group = nullptr;  // nullptr: one process, with the options and report as they are
};

// Meets the ranks of find_launch(), takes this rank's GPU, runs `body`, and ends the group as the body ends: together
// after a result or an error that all agreed on, else as a failure that ends all.
void with_session(const config::Options& options, const Report& report,
                  const std::function<void(const Session&)>& body);

}  // namespace qat::train
