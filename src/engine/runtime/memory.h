// Where each tensor of a plan lies for one input shape: one arena, buffers shared in place where that is safe.
#pragma once

#include <functional>
#include <vector>

#include "engine/runtime/tiles.h"

namespace qat::engine {

inline constexpr size_t kSlack = 64;  // readable bytes after every tensor

struct MemoryPlan {
  std::vector<size_t> offsets;  // by tensor; constants have none; of a local tensor, within its group's memory
  size_t bytes = 0;
  struct Local {
    size_t offset = 0, bytes = 0;  // of the first member's part in the arena, of one part
  };
  std::vector<Local> groups;  // by group of the tiling
};

// For a run by a team of so many members; tensors local to a group hold one tile a member. keep: every tensor has
// memory of its own until the end of the run. Throws Error(kUsage) when a size overflows.
MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, const Tiling& tiling, int members,
                       bool keep);

// The same for another device: bytes_of(tensor id), multiples of the alignment that offsets need.
MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, bool keep,
                       const std::function<size_t(size_t)>& bytes_of);

// Inputs of a step, by place, whose buffer its output may take if no later step reads them: of one form with it, and
// the kernel reads a pixel before it writes it.
std::vector<size_t> reusable_inputs(const Plan& plan, const Step& step, const std::vector<Extents>& extents);

size_t tensor_bytes(const PlanTensor& tensor, const Extents& extents, int64_t stored_channels);

// An arena: 64-byte aligned, freed with its owner. Throws Error(kOutOfMemory).
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qat::engine
