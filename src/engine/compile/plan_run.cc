// Runs on an image of one grey: time does not depend on values. See plan_run.h.
#include "engine/compile/plan_run.h"

#include "base/measure.h"
#include "base/tensor.h"

namespace qat::engine {

PlanRun::PlanRun(const Plan& plan, int threads, const InputShape& shape)
    : session_(std::shared_ptr<const Plan>(&plan, [](const Plan*) {}), {.threads = threads}),
      input_(static_cast<size_t>(shape[0] * shape[1] * shape[2] * shape[3]), 0.5f) {
  session_.bind(shape);
  for (size_t i = 0; i < plan.outputs.size(); ++i) {
    outputs_.emplace_back(static_cast<size_t>(count(session_.output_shape(i))));
    pointers_.push_back(outputs_.back().data());
  }
}

double PlanRun::seconds() {
  const double start = wall_seconds();
  session_.run(input_.data(), pointers_);
  return wall_seconds() - start;
}

std::vector<double> PlanRun::by_step() {
  session_.set_profiling(true);
  session_.run(input_.data(), pointers_);
  std::vector<double> seconds;
  for (const StepProfile& step : session_.profile()) seconds.push_back(1e-3 * step.milliseconds);
  session_.set_profiling(false);
  return seconds;
}

}  // namespace qat::engine
