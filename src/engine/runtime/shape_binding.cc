// Binding: extents, then memory, then kernels: see shape_binding.h.
#include "engine/runtime/shape_binding.h"

#include <algorithm>
#include <set>

namespace qat::engine {

namespace {

class Binder {
 public:
  Binder(const Plan& plan, const BindOptions& options, ShapeBinding& b)
      : plan_(plan),
        options_(options),
        b_(b),
        tiling_(cut(plan, b.extents)),
        memory_(plan_memory(plan, b.extents, tiling_, options.members, options.keep_tensors)) {}

  void bind() {
    b_.arena = AlignedBuffer(memory_.bytes);
    for (size_t id = 0; id < plan_.tensors.size(); ++id) {
      const Blob& constant = plan_.tensors[id].constant;
      b_.memory.push_back(constant.size == 0 ? b_.arena.data() + memory_.offsets[id]
                                             : const_cast<std::byte*>(plan_.bytes(constant).data()));
    }
    auto group = tiling_.groups.begin();
    for (size_t i = 0; i < plan_.steps.size();) {
      if (group != tiling_.groups.end() && group->first == i) {
        b_.parts.push_back(bind_group(*group));
        i = (group++)->last;
        continue;
      }
      std::vector<Link> chain;
      chain.push_back({i, bind_step(context(plan_.steps[i], b_.extents, b_.memory, options_.members))});
      Part part;
      part.chains.push_back(std::move(chain));
      b_.parts.push_back(std::move(part));
      ++i;
    }
    for (const Part& part : b_.parts) {
      for (const auto& chain : part.chains) {
        for (const Link& link : chain) b_.scratch_bytes = std::max(b_.scratch_bytes, link.bound->scratch_bytes());
      }
    }
  }

 private:
  BindContext context(const Step& step, const std::vector<Extents>& extents, const std::vector<std::byte*>& memory,
                      int members) const {
    return {.view = {plan_, step, extents},
            .memory = memory,
            .floats = options_.floats,
            .layout = options_.layout,
            .threads = options_.threads,
            .members = members};
  }

  // Members have equal numbers of tiles of their own; what is left over they do together.
  Part bind_group(const TiledGroup& group) const {
    Part part;
    const int64_t each = group.tiles / options_.members;
    part.alone = options_.members > 1 ? static_cast<size_t>(each * options_.members) : 0;
    std::vector<Extents> extents = b_.extents;
    std::vector<std::byte*> memory = b_.memory;
    for (int64_t tile = 0; tile < group.tiles; ++tile) {
      std::vector<Link> chain;
      const bool alone = tile < static_cast<int64_t>(part.alone);
      const int64_t slot = alone ? tile / each : 0;
      const int members = alone ? 1 : options_.members;
      for (size_t i = group.first; i < group.last; ++i)
        chain.push_back({i, bind_tile(group, i, tile, slot, members, extents, memory)});
      part.chains.push_back(std::move(chain));
    }
    return part;
  }

  // A step of one tile is a step like any other, of fewer images and at their place.
  // `members`: that share it. `extents` and `memory`: the network's, which it changes for the step's own tensors and
  // puts right again.
  std::unique_ptr<BoundStep> bind_tile(const TiledGroup& group, size_t index, int64_t tile, int64_t slot, int members,
                                       std::vector<Extents>& extents, std::vector<std::byte*>& memory) const {
    const Step& step = plan_.steps[index];
    const int64_t first = tile * group.images;
    std::set<int32_t> tensors(step.inputs.begin(), step.inputs.end());
    tensors.insert(step.output);
    for (const int32_t tensor : tensors) {
      const auto id = static_cast<size_t>(tensor);
      const PlanTensor& t = plan_.tensors[id];
      Extents& e = extents[id];
      memory[id] =
          local(id) ? local_memory(id, slot) : memory[id] + first * e.h * e.w * pitch_of(t) * element_bytes(t.storage);
      e.n = std::min(group.images, e.n - first);
    }
    auto bound = bind_step(context(step, extents, memory, members));
    for (const int32_t tensor : tensors) {
      const auto id = static_cast<size_t>(tensor);
      extents[id] = b_.extents[id], memory[id] = b_.memory[id];
    }
    return bound;
  }

  bool local(size_t id) const { return tiling_.local[id] >= 0 && !options_.keep_tensors; }
  std::byte* local_memory(size_t id, int64_t slot) const {
    const MemoryPlan::Local& group = memory_.groups[static_cast<size_t>(tiling_.local[id])];
    return b_.arena.data() + group.offset + static_cast<size_t>(slot) * group.bytes + memory_.offsets[id];
  }

  const Plan& plan_;
  const BindOptions& options_;
  ShapeBinding& b_;
  const Tiling tiling_;
  const MemoryPlan memory_;
};

}  // namespace

std::unique_ptr<ShapeBinding> bind_shape(const Plan& plan, const InputShape& shape, const BindOptions& options) {
  check_profile(plan, shape);
  auto b = std::make_unique<ShapeBinding>();
  b->shape = shape;
  b->extents = infer_extents(plan, shape);
  Binder(plan, options, *b).bind();
  return b;
}

namespace {

bool in_library(const Plan& plan, const Step& s) {
  switch (s.op) {
    case StepOp::kFloatConv:
    case StepOp::kFloatGemm:
    case StepOp::kFloatMaxPool:
    case StepOp::kFloatAvgPool:
    case StepOp::kFloatGlobalAvgPool:
    case StepOp::kFloatConcat:
    case StepOp::kFloatSoftmax:
    case StepOp::kReadF32:
    case StepOp::kWriteF32:
      return true;
    case StepOp::kFloatBinary: {
      const auto& a = plan.tensors[static_cast<size_t>(s.inputs[0])];
      const auto& b = plan.tensors[static_cast<size_t>(s.inputs[1])];
      const bool function = s.attrs.function == FloatFunction::kAdd || s.attrs.function == FloatFunction::kMul;
      return function && a.constant.size == 0 && b.constant.size == 0 && a.channels == b.channels;
    }
    case StepOp::kFloatUnary:
      return s.attrs.function == FloatFunction::kClip || s.attrs.function == FloatFunction::kHardSwish ||
             s.attrs.function == FloatFunction::kSilu;
    default:
      return false;
  }
}

}  // namespace

bool all_in_float_library(const Plan& plan) {
  return std::all_of(plan.steps.begin(), plan.steps.end(), [&](const Step& s) { return in_library(plan, s); }) &&
         std::none_of(plan.tensors.begin(), plan.tensors.end(),
                      [](const PlanTensor& t) { return t.storage == Storage::kU8; });
}

kernels::FloatLayout float_layout(const Plan& plan, kernels::FloatBackend* floats) {
  if (floats == nullptr || !all_in_float_library(plan)) return kernels::FloatLayout::kNhwc;
  auto type = kernels::FloatType::kF32;
  for (const PlanTensor& t : plan.tensors) {
    if (t.storage == Storage::kBF16) type = kernels::FloatType::kBF16;
  }
  return floats->preferred_layout(type);
}

bool wants_float_library(const Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const Step& s) {
    return s.op >= StepOp::kFloatConv && s.op <= StepOp::kFloatUnary && s.op != StepOp::kFloatConvTranspose;
  });
}

}  // namespace qat::engine
