// One kernel call a parameter: see optimizer.h.
#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "train/kernels/kernels.h"

namespace qat::train {

namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999;
constexpr float kSmallestRange = 1e-6f;

float* moment(std::map<std::string, std::vector<float>>& moments, const ParamView& parameter) {
  std::vector<float>& values = moments[parameter.name];
  if (values.empty()) values.assign(parameter.data.size(), 0.0f);
  return values.data();
}

}  // namespace

Optimizer::Optimizer(const config::TrainOptions& options) : options_(options), adamw_(options.optimizer == "adamw") {
  if (!adamw_ && options.optimizer != "sgd") {
    fail(Code::kUsage, "[TRAIN.OPTIMIZER] expected sgd or adamw, got '", options.optimizer, "'");
  }
  if (options.nesterov && options.momentum <= 0) {
    fail(Code::kUsage, "[TRAIN.NESTEROV] needs TRAIN.MOMENTUM above 0, got ", options.momentum);
  }
}

void Optimizer::restore(OptimizerState state, const std::vector<ParamView>& parameters) {
  for (const ParamView& parameter : parameters) {
    for (const auto* moments : {&state.first, &state.second}) {
      const auto found = moments->find(parameter.name);
      if (found != moments->end() && !found->second.empty() && found->second.size() != parameter.data.size()) {
        fail(Code::kBadFile, "[training state] the moment of ", parameter.name, " has ", found->second.size(),
             " values, expected ", parameter.data.size());
      }
    }
  }
  state_ = std::move(state);
}

std::string Optimizer::not_finite(const std::vector<ParamView>& parameters) {
  for (const ParamView& p : parameters) {
    if (p.gradient.empty()) continue;
    const double sum = kernels().sum_squares(p.gradient.data(), static_cast<int64_t>(p.gradient.size()));
    if (!std::isfinite(sum)) return p.name;
  }
  return "";
}

void Optimizer::step(const std::vector<ParamView>& parameters, double lr) {
  ++state_.step;
  for (const ParamView& p : parameters) {
    if (p.gradient.empty()) continue;
    const bool spared = p.kind == ParamKind::kRange || (!options_.decay_norm_bias && p.kind != ParamKind::kWeight);
    OptimizerArgs args{.size = static_cast<int64_t>(p.data.size()),
                       .parameter = p.data.data(),
                       .gradient = p.gradient.data(),
                       .lr = static_cast<float>(lr),
                       .decay = spared ? 0.0f : static_cast<float>(options_.weight_decay)};
    if (adamw_) {
      args.first = moment(state_.first, p);
      args.second = moment(state_.second, p);
      args.beta1 = static_cast<float>(kBeta1), args.beta2 = static_cast<float>(kBeta2), args.eps = 1e-8f;
      args.correction1 = static_cast<float>(1 - std::pow(kBeta1, static_cast<double>(state_.step)));
      args.correction2 = static_cast<float>(1 - std::pow(kBeta2, static_cast<double>(state_.step)));
      kernels().adamw(args);
    } else {
      args.momentum = static_cast<float>(options_.momentum);
      args.nesterov = options_.nesterov;
      if (options_.momentum > 0) args.first = moment(state_.first, p);
      kernels().sgd(args);
    }
    if (p.kind == ParamKind::kRange) {
      for (float& range : p.data) range = std::max(range, kSmallestRange);
    }
  }
}

}  // namespace qat::train
