// The end of a step: finite check, optimizer and weight average over all parameters, a launch each.
#pragma once

#include "config/options.h"
#include "train/cuda/program/leaves.h"

namespace qat::train::cuda {

class Updates {
 public:
  // Parameters in the order of Leaves::all(). `averaged`: names of the leaves of TRAIN.EMA.
  Updates(const Leaves& leaves, const config::TrainOptions& options, const std::vector<std::string>& averaged,
          const Target& target);

  // scalars: in device memory. status.place: of the first parameter; the k-th trained leaf is reported as place + k.
  void run(const Target& target, const StepScalars* scalars, Status status) const;

  // What the host puts into `scalars` for step `index` of the run, the optimizer's `taken`-th.
  StepScalars scalars(double lr, int64_t taken, int64_t index) const;

  std::vector<std::string> parameters() const { return names_; }
  bool adamw() const { return adamw_; }

 private:
  const config::TrainOptions options_;
  const bool adamw_;
  std::vector<std::string> names_;
  at::Tensor parameters_, chunks_, averages_, average_chunks_;
  int64_t chunk_count_ = 0, average_chunk_count_ = 0;
};

}  // namespace qat::train::cuda
