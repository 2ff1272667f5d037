// Tables of pointers, made once: see updates.h.
#include "train/cuda/program/updates.h"

#include <algorithm>
#include <cmath>

namespace qat::train::cuda {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999;
constexpr float kSmallestRange = 1e-6f;

}  // namespace

Updates::Updates(const Leaves& leaves, const config::TrainOptions& options, const std::vector<std::string>& averaged,
                 const Target& target)
    : options_(options), adamw_(options.optimizer == "adamw") {
  std::vector<Parameter> parameters;
  std::vector<Average> averages;
  std::vector<int64_t> sizes, average_sizes;
  for (const Leaves::Leaf& leaf : leaves.all()) {
    if (leaf.trained) {
      const bool range = leaf.kind == ParamKind::kRange;
      const bool spared = range || (!options.decay_norm_bias && leaf.kind != ParamKind::kWeight);
      Parameter p{.value = leaves.value(leaf.id),
                  .gradient = leaves.gradient(leaf.id),
                  .first = leaves.first(leaf.id),
                  .second = leaves.second(leaf.id),
                  .size = leaf.size,
                  .decay = spared ? 0.0f : static_cast<float>(options.weight_decay)};
      if (range) p.smallest = kSmallestRange;
      parameters.push_back(p);
      sizes.push_back(leaf.size);
      names_.push_back(leaf.name);
    }
    if (std::find(averaged.begin(), averaged.end(), leaf.name) != averaged.end()) {
      averages.push_back({.average = leaves.average(leaf.id), .value = leaves.value(leaf.id), .size = leaf.size});
      average_sizes.push_back(leaf.size);
    }
  }
  const std::vector<Chunk> chunks = make_chunks(sizes), average_chunks = make_chunks(average_sizes);
  chunk_count_ = static_cast<int64_t>(chunks.size());
  average_chunk_count_ = static_cast<int64_t>(average_chunks.size());
  parameters_ = to_device(parameters, target.device), chunks_ = to_device(chunks, target.device);
  averages_ = to_device(averages, target.device), average_chunks_ = to_device(average_chunks, target.device);
}

void Updates::run(const Target& target, const StepScalars* scalars, Status status) const {
  if (chunk_count_ == 0) return;
  const OptimizerArgs args{.parameters = table_of<Parameter>(parameters_),
                           .chunks = table_of<Chunk>(chunks_),
                           .chunk_count = chunk_count_,
                           .scalars = scalars,
                           .momentum = static_cast<float>(options_.momentum),
                           .nesterov = options_.nesterov,
                           .beta1 = static_cast<float>(kBeta1),
                           .beta2 = static_cast<float>(kBeta2),
                           .status = status};
  target.kernels.check_finite(args, target.stream);
  (adamw_ ? target.kernels.adamw : target.kernels.sgd)(args, target.stream);
  if (average_chunk_count_ == 0) return;
  target.kernels.average({.tensors = table_of<Average>(averages_),
                          .chunks = table_of<Chunk>(average_chunks_),
                          .chunk_count = average_chunk_count_,
                          .scalars = scalars,
                          .status = status},
                         target.stream);
}

StepScalars Updates::scalars(double lr, int64_t taken, int64_t index) const {
  const double warm = (1.0 + static_cast<double>(index)) / (10.0 + static_cast<double>(index));
  return {.lr = static_cast<float>(lr),
          .correction1 = static_cast<float>(1 - std::pow(kBeta1, static_cast<double>(taken))),
          .correction2 = static_cast<float>(1 - std::pow(kBeta2, static_cast<double>(taken))),
          .average_keep = static_cast<float>(std::min(options_.ema, warm))};
}

}  // namespace qat::train::cuda
