// Events tell when a block is there: see outcomes.h.
#include "train/cuda/outcomes.h"

#include "train/cuda/check.h"

namespace qat::train::cuda {

Outcomes::Outcomes(const Program& program) : program_(program) {}

Outcomes::~Outcomes() {
  for (Slot& slot : waiting_) cudaEventSynchronize(slot.done), cudaEventDestroy(slot.done);
  for (Slot& slot : free_) cudaEventDestroy(slot.done);
}

void Outcomes::expect(const StepOutputs* outputs, int64_t step, int64_t images, cudaStream_t stream) {
  Slot slot;
  if (free_.empty()) {
    slot.host = at::empty({sizeof(StepOutputs)}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
    check(cudaEventCreateWithFlags(&slot.done, cudaEventDisableTiming), "event");
  } else {
    slot = std::move(free_.back());
    free_.pop_back();
  }
  slot.step = step, slot.images = images;
  check(cudaMemcpyAsync(slot.host.data_ptr<uint8_t>(), outputs, sizeof *outputs, cudaMemcpyDeviceToHost, stream),
        "copy");
  check(cudaEventRecord(slot.done, stream), "record");
  waiting_.push_back(std::move(slot));
}

std::vector<StepOutcome> Outcomes::take(size_t pending, When when) {
  std::vector<StepOutcome> outcomes;
  while (!waiting_.empty()) {
    if (when == When::kDue && waiting_.size() <= pending) break;
    Slot& slot = waiting_.front();
    const cudaError_t state = cudaEventQuery(slot.done);
    if (state == cudaErrorNotReady) {
      if (waiting_.size() <= pending) break;
      check(cudaEventSynchronize(slot.done), "step");
    } else {
      check(state, "step");
    }
    const auto& outputs = *reinterpret_cast<const StepOutputs*>(slot.host.const_data_ptr<uint8_t>());
    outcomes.push_back({.step = slot.step,
                        .images = slot.images,
                        .loss = outputs.loss,
                        .correct = outputs.correct,
                        .not_finite = outputs.status == 0 ? "" : program_.place(outputs.status)});
    free_.push_back(std::move(slot));
    waiting_.pop_front();
  }
  return outcomes;
}

}  // namespace qat::train::cuda
