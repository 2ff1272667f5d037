// Lifetimes of tensors, in-place outputs, and the arena: see memory.h.
#include "engine/runtime/memory.h"

#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "engine/runtime/arena.h"

namespace qat::engine {

AlignedBuffer::AlignedBuffer(size_t bytes) : size_((bytes + 63) / 64 * 64) {
  if (size_ == 0) return;
  data_ = static_cast<std::byte*>(std::aligned_alloc(64, size_));
  if (data_ == nullptr) {
    fail(Code::kOutOfMemory, "the engine needs ", human_bytes(static_cast<double>(size_)),
         " for this input shape; use a smaller batch or image");
  }
}
AlignedBuffer::~AlignedBuffer() { std::free(data_); }
AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

size_t tensor_bytes(const PlanTensor& t, const Extents& e, int64_t stored_channels) {
  int64_t bytes = element_bytes(t.storage);
  for (const int64_t extent : {e.n, e.h, e.w, stored_channels}) {
    if (__builtin_mul_overflow(bytes, extent, &bytes) || bytes > (int64_t{1} << 46)) {
      fail(Code::kUsage, "[tensor ", t.name, "] ", e.n, "x", t.channels, "x", e.h, "x", e.w, " is too large");
    }
  }
  return static_cast<size_t>(bytes) + kSlack;
}

namespace {

// Inputs whose buffer the output may take: the kernel reads a pixel before it writes it. Not the skip of a float layer:
// oneDNN's 1x1 convolutions keep partial sums in the output before they add it.
std::vector<size_t> reusable_inputs(const Step& s) {
  switch (s.op) {
    case StepOp::kConv:
    case StepOp::kGemm:
      return s.inputs.size() > 1 ? std::vector<size_t>{1} : std::vector<size_t>{};
    case StepOp::kAdd:
      return {0, 1};
    case StepOp::kMul:
    case StepOp::kLut:
    case StepOp::kFloatUnary:
    case StepOp::kFloatBinary:
      return {0};
    default:
      return {};
  }
}

class Planner {
 public:
  Planner(const Plan& plan, const std::vector<Extents>& extents, const std::function<size_t(size_t)>& bytes_of)
      : plan_(plan), extents_(extents), bytes_of_(bytes_of) {
    last_.assign(plan.tensors.size(), -1);
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      for (const int32_t id : plan.steps[i].inputs) {
        if (id >= 0) last_[static_cast<size_t>(id)] = static_cast<int>(i);
      }
    }
  }

  MemoryPlan place(bool keep) {
    buffer_.assign(plan_.tensors.size(), -1);
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& s = plan_.steps[i];
      if (s.output < 0) continue;
      const auto out = static_cast<size_t>(s.output);
      const int step = static_cast<int>(i),
                last = keep ? static_cast<int>(plan_.steps.size()) : std::max(last_[out], step);
      const int reused = keep ? -1 : reusable(s, step);
      if (reused >= 0) {
        buffer_[out] = reused;
        buffers_[static_cast<size_t>(reused)].last = last;
      } else {
        buffer_[out] = static_cast<int>(buffers_.size());
        buffers_.push_back({.bytes = bytes_of_(out), .first = step, .last = last});
      }
    }
    const ArenaPlan arena = plan_arena(buffers_);
    MemoryPlan memory{.offsets = std::vector<size_t>(plan_.tensors.size(), 0), .bytes = arena.bytes};
    for (size_t id = 0; id < buffer_.size(); ++id) {
      if (buffer_[id] >= 0) memory.offsets[id] = arena.offsets[static_cast<size_t>(buffer_[id])];
    }
    return memory;
  }

 private:
  int reusable(const Step& s, int step) const {
    const auto out = static_cast<size_t>(s.output);
    for (const size_t i : reusable_inputs(s)) {
      const auto in = static_cast<size_t>(s.inputs[i]);
      const PlanTensor &a = plan_.tensors[in], &b = plan_.tensors[out];
      bool alone = true;  // the step reads it once
      for (size_t j = 0; j < s.inputs.size(); ++j) alone = alone && (j == i || s.inputs[j] != s.inputs[i]);
      const bool same = a.storage == b.storage && a.channels == b.channels && extents_[in] == extents_[out];
      if (alone && same && a.constant.size == 0 && last_[in] == step) return buffer_[in];
    }
    return -1;
  }

  const Plan& plan_;
  const std::vector<Extents>& extents_;
  const std::function<size_t(size_t)>& bytes_of_;
  std::vector<int> last_;    // step that reads a tensor last
  std::vector<int> buffer_;  // by tensor
  std::vector<Lifetime> buffers_;
};

}  // namespace

MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, bool keep) {
  // Blocked float layouts round channels up to 16.
  return plan_memory(plan, extents, keep, [&](size_t id) {
    const PlanTensor& t = plan.tensors[id];
    const int64_t channels = t.storage == Storage::kU8 ? pitch_of(t) : (int64_t{t.channels} + 15) / 16 * 16;
    return tensor_bytes(t, extents[id], channels);
  });
}

MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, bool keep,
                       const std::function<size_t(size_t)>& bytes_of) {
  return Planner(plan, extents, bytes_of).place(keep);
}

}  // namespace qat::engine
