// A bound step that is a plain C++ function of one row at a time.
#pragma once

#include "engine/runtime/bound_step.h"

namespace qat::engine {

template <class Row>
class RowStep : public BoundStep {
 public:
  RowStep(std::string kernel, int64_t rows, Row row) : kernel_(std::move(kernel)), rows_(rows), row_(std::move(row)) {}
  int64_t units() const override { return rows_; }
  size_t scratch_bytes() const override { return 0; }
  void run(int64_t begin, int64_t end, void*) override {
    for (int64_t i = begin; i < end; ++i) row_(i);
  }
  std::string kernel() const override { return kernel_; }

 private:
  std::string kernel_;
  int64_t rows_;
  Row row_;
};

template <class Row>
std::unique_ptr<BoundStep> row_step(std::string kernel, int64_t rows, Row row) {
  return std::make_unique<RowStep<Row>>(std::move(kernel), rows, std::move(row));
}

// A step of the float library, which brings its own threads: one unit.
class LibraryStep : public BoundStep {
 public:
  LibraryStep(std::unique_ptr<kernels::FloatStep> step, kernels::FloatArgs args)
      : step_(std::move(step)), args_(std::move(args)) {}
  int64_t units() const override { return 1; }
  size_t scratch_bytes() const override { return step_->scratch_bytes(); }
  void run(int64_t, int64_t, void* scratch) override { step_->run(args_, scratch); }
  std::string kernel() const override { return step_->kernel(); }

 protected:
  std::unique_ptr<kernels::FloatStep> step_;
  kernels::FloatArgs args_;
};

}  // namespace qat::engine
