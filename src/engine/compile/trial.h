// A trial of one kernel: a step alone, bound to memory of its own at the optimal shape, and timed.
#pragma once

#include <string>
#include <vector>

#include "engine/compile/draft.h"
#include "engine/cpu/float_ops.h"
#include "engine/runtime/extents.h"
#include "engine/runtime/memory.h"
#include "engine/runtime/problems.h"

namespace qat::engine {

// A kernel that this machine runs and that does the step.
struct Candidate {
  std::string name;
  Isa isa;
  size_t packed_bytes = 0;
  bool prepares = false;  // as its kernel does (cpu/kernel.h)
};
std::vector<Candidate> candidates(const Plan& plan, const Step& step, const std::vector<Extents>& extents);

// Of a convolution with these plain weights (cpu/conv/conv.h).
int32_t sum_bits(const StepView& conv, const Tensor& weights);

// Packs plain weights for a kernel; `packed` is 64-byte aligned and zeroed.
void pack_weights(const Plan& plan, const Step& step, const std::vector<Extents>& extents, const std::string& kernel,
                  const Tensor& weights, void* packed);

// One step with memory of its own, for all of its kernels in turn. What one of a team of `members` does of it is run,
// on this thread and timed by its own clock: processors that others use do not make a kernel slow.
class Trial {
 public:
  Trial(const Draft& draft, size_t step, const std::vector<Extents>& extents, int members);

  // Seconds of the whole step in the team, where its activations lie as in a run: results on the skip that they end,
  // those of an image in cache. Large steps are run a slice at a time, the least of a few slices counts; a kernel whose
  // first slice takes past `give_up` seconds of the whole gets no second one. patient: until three slices in a row
  // brought nothing; otherwise the first slice is all.
  double seconds(const Candidate& candidate, double give_up, bool patient);

 private:
  Plan plan_;  // of this one step's memory
  Step& step_;
  const std::vector<Extents>& extents_;
  int members_;
  int64_t images_, slices_;  // images_: a member's
  size_t image_bytes_ = 0;   // of activations
  std::vector<AlignedBuffer> buffers_;
  std::vector<std::byte*> memory_;  // by tensor
};

// The float library; null where it is missing.
kernels::FloatBackend* float_library();

// Seconds of the step as a float convolution of the float library (NHWC f32).
double time_float(kernels::FloatBackend& library, const Draft& draft, size_t step, const std::vector<Extents>& extents,
                  int threads, bool patient);

}  // namespace qat::engine
