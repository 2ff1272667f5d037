// Reads back what steps wrote, without waiting for them: a ring of pinned blocks.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "train/cuda/cuda.h"
#include "train/cuda/program/program.h"
#include "train/outcome.h"

namespace qat::train::cuda {

class Outcomes {
 public:
  explicit Outcomes(const Program& program);
  ~Outcomes();
  Outcomes(const Outcomes&) = delete;
  Outcomes& operator=(const Outcomes&) = delete;

  // Queues the copy of `outputs` behind a step.
  void expect(const StepOutputs* outputs, int64_t step, int64_t images, cudaStream_t stream);

  // Oldest first, until at most `pending` are left: waits for more than that. kDone: then those that are done, too;
  // kDue: no others, so that it depends on no clock.
  enum class When { kDone, kDue };
  std::vector<StepOutcome> take(size_t pending, When when);

 private:
  struct Slot {
    at::Tensor host;
    cudaEvent_t done = nullptr;
    int64_t step = 0, images = 0;
  };
  const Program& program_;
  std::deque<Slot> waiting_;
  std::vector<Slot> free_;
};

}  // namespace qat::train::cuda
