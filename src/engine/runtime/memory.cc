// Lifetimes of tensors, in-place outputs, and the arena: see memory.h.
#include "engine/runtime/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "engine/runtime/arena.h"

namespace qat::engine {

namespace {

constexpr size_t kLine = 64, kHugePage = size_t{2} << 20;

}  // namespace

AlignedBuffer::AlignedBuffer(size_t bytes) : size_((bytes + kLine - 1) / kLine * kLine) {
  if (size_ == 0) return;
  const bool huge = size_ >= kHugePage;
  const size_t alignment = huge ? kHugePage : kLine;
  data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, (size_ + alignment - 1) / alignment * alignment));
  if (data_ == nullptr) {
    fail(Code::kOutOfMemory, "the engine needs ", human_bytes(static_cast<double>(size_)),
         " for this input shape; use a smaller batch or image");
  }
  // Fewer translations to look up while activations stream: 1 to 3 % of a run with AMX. A kernel may refuse.
  if (huge) ::madvise(data_, size_ / kHugePage * kHugePage, MADV_HUGEPAGE);
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

// By what the op's kernels do. Not the skip of a float layer: oneDNN's 1x1 convolutions keep partial sums in the output
// before they add it.
std::vector<size_t> overwritable_inputs(const Step& s) {
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

}  // namespace

std::vector<size_t> reusable_inputs(const Plan& plan, const Step& step, const std::vector<Extents>& extents) {
  const auto out = static_cast<size_t>(step.output);
  std::vector<size_t> found;
  for (const size_t i : overwritable_inputs(step)) {
    const auto in = static_cast<size_t>(step.inputs[i]);
    const PlanTensor &a = plan.tensors[in], &b = plan.tensors[out];
    const bool alone = std::count(step.inputs.begin(), step.inputs.end(), step.inputs[i]) == 1;  // is read once
    const bool same = a.storage == b.storage && a.channels == b.channels && extents[in] == extents[out];
    if (alone && same && a.constant.size == 0) found.push_back(i);
  }
  return found;
}

namespace {

class Planner {
 public:
  Planner(const Plan& plan, const std::vector<Extents>& extents, const Tiling& tiling, int members,
          const std::function<size_t(size_t)>& bytes_of)
      : plan_(plan), extents_(extents), tiling_(tiling), members_(members), bytes_of_(bytes_of) {
    last_.assign(plan.tensors.size(), -1);
    for (size_t i = 0; i < plan.steps.size(); ++i) {
      for (const int32_t id : plan.steps[i].inputs) {
        if (id >= 0) last_[static_cast<size_t>(id)] = static_cast<int>(i);
      }
    }
  }

  MemoryPlan place(bool keep) {
    buffer_.assign(plan_.tensors.size(), {});
    pools_.resize(tiling_.groups.size() + 1);
    for (size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step& s = plan_.steps[i];
      if (s.output >= 0) place(s, static_cast<int>(i), keep);
    }
    return finish();
  }

 private:
  // Buffers that share an arena: those of the whole run (the last pool), and those of each group.
  using Pool = std::vector<Lifetime>;
  struct Place {
    size_t pool = 0;
    int buffer = -1;
  };

  void place(const Step& s, int step, bool keep) {
    const auto out = static_cast<size_t>(s.output);
    const int local = tiling_.local[out], end = static_cast<int>(plan_.steps.size());
    const size_t pool = local >= 0 ? static_cast<size_t>(local) : tiling_.groups.size();
    int first = step, last = keep ? end : std::max(last_[out], step);
    if (local < 0) {  // another tile comes back to the group's first step after its last one
      if (const TiledGroup* g = group_of(step)) first = static_cast<int>(g->first);
      last = end_of_group(last);
    }
    const int reused = keep ? -1 : reusable(s, step, pool);
    if (reused >= 0) {
      Lifetime& buffer = pools_[pool][static_cast<size_t>(reused)];
      buffer.last = std::max(buffer.last, last);
    } else {
      pools_[pool].push_back({.bytes = bytes_of_(out), .first = first, .last = last});
    }
    buffer_[out] = {pool, reused >= 0 ? reused : static_cast<int>(pools_[pool].size()) - 1};
  }

  MemoryPlan finish() {
    MemoryPlan memory{.offsets = std::vector<size_t>(plan_.tensors.size(), 0)};
    std::vector<ArenaPlan> arenas;
    Pool& whole = pools_.back();
    const size_t own = whole.size();
    for (size_t g = 0; g < tiling_.groups.size(); ++g) {
      arenas.push_back(plan_arena(pools_[g]));
      const TiledGroup& group = tiling_.groups[g];
      whole.push_back({.bytes = checked_mul(arenas[g].bytes, static_cast<size_t>(members_), "[plan] activations"),
                       .first = static_cast<int>(group.first),
                       .last = static_cast<int>(group.last) - 1});
    }
    arenas.push_back(plan_arena(whole));
    memory.bytes = arenas.back().bytes;
    for (size_t g = 0; g < tiling_.groups.size(); ++g)
      memory.groups.push_back({.offset = arenas.back().offsets[own + g], .bytes = arenas[g].bytes});
    for (size_t id = 0; id < buffer_.size(); ++id) {
      const Place& p = buffer_[id];
      if (p.buffer >= 0) memory.offsets[id] = arenas[p.pool].offsets[static_cast<size_t>(p.buffer)];
    }
    return memory;
  }

  const TiledGroup* group_of(int step) const {
    for (const TiledGroup& g : tiling_.groups) {
      if (static_cast<size_t>(step) >= g.first && static_cast<size_t>(step) < g.last) return &g;
    }
    return nullptr;
  }
  int end_of_group(int step) const {
    const TiledGroup* g = group_of(step);
    return g == nullptr ? step : static_cast<int>(g->last) - 1;
  }

  int reusable(const Step& s, int step, size_t pool) const {
    for (const size_t i : reusable_inputs(plan_, s, extents_)) {
      const auto in = static_cast<size_t>(s.inputs[i]);
      if (last_[in] != step || buffer_[in].pool != pool) continue;
      return buffer_[in].buffer;
    }
    return -1;
  }

  const Plan& plan_;
  const std::vector<Extents>& extents_;
  const Tiling& tiling_;
  const int members_;
  const std::function<size_t(size_t)>& bytes_of_;
  std::vector<int> last_;      // step that reads a tensor last
  std::vector<Place> buffer_;  // by tensor
  std::vector<Pool> pools_;
};

}  // namespace

MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, const Tiling& tiling, int members,
                       bool keep) {
  Tiling used = tiling;
  if (keep) used.local.assign(used.local.size(), -1);
  std::vector<Extents> stored = extents;
  for (size_t id = 0; id < stored.size(); ++id) {
    const int local = used.local[id];
    if (local >= 0) stored[id].n = std::min(stored[id].n, used.groups[static_cast<size_t>(local)].images);
  }
  // Blocked float layouts round channels up to 16.
  const std::function<size_t(size_t)> bytes_of = [&](size_t id) {
    const PlanTensor& t = plan.tensors[id];
    const int64_t channels = t.storage == Storage::kU8 ? pitch_of(t) : (int64_t{t.channels} + 15) / 16 * 16;
    return tensor_bytes(t, stored[id], channels);
  };
  return Planner(plan, stored, used, members, bytes_of).place(keep);
}

MemoryPlan plan_memory(const Plan& plan, const std::vector<Extents>& extents, bool keep,
                       const std::function<size_t(size_t)>& bytes_of) {
  const Tiling none{.local = std::vector<int>(plan.tensors.size(), -1)};
  return Planner(plan, extents, none, 1, bytes_of).place(keep);
}

}  // namespace qat::engine
