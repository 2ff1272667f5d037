// A bound step that is one int8 kernel of a table.
#pragma once

#include "base/error.h"
#include "engine/runtime/bound_step.h"

namespace qat::engine {

template <class KernelType>
class KernelStep : public BoundStep {
 public:
  using Problem = typename KernelType::Problem;
  using Args = typename KernelType::Args;

  KernelStep(const KernelType& kernel, const Problem& problem, const Args& args)
      : kernel_(kernel), problem_(kernels::cut(kernel, problem)), args_(args), units_(kernel.units(problem_)) {}

  int64_t units() const override { return units_; }
  size_t scratch_bytes() const override { return kernel_.scratch_bytes(problem_); }
  void run(int64_t begin, int64_t end, void* scratch) override { kernel_.run(problem_, args_, begin, end, scratch); }
  std::string kernel() const override { return kernel_.name; }

 protected:
  const KernelType& kernel_;
  Problem problem_;
  Args args_;
  int64_t units_;
};

// The kernel that the plan names; "" takes the table's first that fits.
template <class KernelType>
const KernelType& kernel_of(const Step& step, std::span<const KernelType> table,
                            const typename KernelType::Problem& problem) {
  if (step.kernel.empty()) return kernels::choose(table, problem);
  const KernelType* kernel = kernels::find(table, step.kernel);
  const auto where = [&] { return cat("[", name_of(step.op), " ", step.name, "] kernel ", step.kernel, " "); };
  if (kernel == nullptr) fail(Code::kWrongMachine, where(), "is not in this build of qat; build the engine again");
  if (!kernels::runnable(kernel->isa)) {
    fail(Code::kWrongMachine, where(), "needs ", name_of(kernel->isa), ", this machine runs ", name_of(isa()),
         "; build the engine again here");
  }
  if (const char* why = kernel->supports(problem)) fail(Code::kBadFile, where(), "does not do this layer: ", why);
  return *kernel;
}

template <class KernelType>
std::unique_ptr<BoundStep> kernel_step(const Step& step, std::span<const KernelType> table,
                                       const typename KernelType::Problem& problem,
                                       const typename KernelType::Args& args) {
  return std::make_unique<KernelStep<KernelType>>(kernel_of(step, table, problem), problem, args);
}

}  // namespace qat::engine
