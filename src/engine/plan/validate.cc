// Judges a plan that came from a file as if it were hostile: see plan.h.
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/normalization.h"
#include "engine/plan/plan.h"

namespace qat::engine {

namespace {

constexpr int64_t kMaxChannels = 1 << 20, kMaxExtent = 1 << 16, kMaxBatch = 1 << 20;

[[noreturn]] void bad(const std::string& place, const std::string& what) {
  fail(Code::kBadFile, "[engine] ", place, ": ", what);
}

void check_range(const std::string& place, const char* what, int64_t value, int64_t lo, int64_t hi) {
  if (value < lo || value > hi) bad(place, cat(what, ": expected ", lo, "..", hi, ", got ", value));
}

bool finite(float value) { return std::isfinite(value); }

void check_blob(const Plan& plan, const std::string& place, const Blob& blob) {
  if (blob.size == 0 && blob.offset == 0) return;
  if (blob.offset % kBlobAlign != 0 || blob.offset > plan.blobs.size() || blob.size > plan.blobs.size() - blob.offset) {
    bad(place, cat("blob of ", blob.size, " bytes at ", blob.offset, " is not inside ", plan.blobs.size(), " bytes"));
  }
}

void check_profile(const Plan& plan) {
  for (size_t i = 0; i < 4; ++i) {
    const int64_t lo = plan.profile.min[i], opt = plan.profile.opt[i], hi = plan.profile.max[i];
    check_range("profile", "largest extent", hi, 1, i == 0 ? kMaxBatch : i == 1 ? kMaxChannels : kMaxExtent);
    check_range("profile", "smallest extent", lo, 1, hi);
    check_range("profile", "optimal extent", opt, lo, hi);
  }
}

void check_binding(const Binding& binding) {
  check_range("binding " + binding.name, "channels", binding.channels, 1, kMaxChannels);
  if (binding.rank != 2 && binding.rank != 4) bad("binding " + binding.name, "rank is neither 2 nor 4");
}

void check_tensor(const Plan& plan, const PlanTensor& t) {
  const std::string place = "tensor " + t.name;
  check_range(place, "channels", t.channels, 1, kMaxChannels);
  if (t.rank != 2 && t.rank != 4) bad(place, "rank is neither 2 nor 4");
  if (t.storage == Storage::kU8) {
    check_range(place, "zero point", t.zero, 0, 255);
    check_range(place, "lowest value", t.lo, 0, t.zero);
    check_range(place, "highest value", t.hi, t.zero, 255);
    if (!finite(t.scale) || t.scale <= 0) bad(place, cat("scale ", t.scale, " is not positive"));
  }
  if (t.storage == (plan.device == Device::kCuda ? Storage::kBF16 : Storage::kF16)) {
    bad(place, cat("no ", precision_of(t.storage), " tensors on ", name_of(plan.device)));
  }
  check_blob(plan, place, t.constant);
  if (t.constant.size != 0 &&
      (t.storage != Storage::kF32 || t.constant.size != 4 * static_cast<uint64_t>(t.channels))) {
    bad(place, "a constant has one f32 a channel");
  }
}

void check_attrs(const std::string& place, const StepAttrs& a) {
  for (size_t i = 0; i < 2; ++i) {
    check_range(place, "kernel", a.kernel[i], 1, 1 << 12);
    check_range(place, "stride", a.stride[i], 1, 1 << 12);
    check_range(place, "dilation", a.dilation[i], 1, 1 << 12);
    check_range(place, "output padding", a.output_padding[i], 0, 1 << 12);
  }
  for (const int32_t pad : a.pads) check_range(place, "pad", pad, 0, 1 << 12);
  check_range(place, "groups", a.groups, 1, kMaxChannels);
  check_range(place, "middle's upper bound", a.middle_hi, -255, 255);
  check_range(place, "middle's lower bound", a.middle_lo, -255, a.middle_hi);
  check_range(place, "bits of its sums", a.sum_bits, 1, 32);
  bool numbers = !std::isnan(a.p0) && !std::isnan(a.p1) && finite(a.skip_scale) && finite(a.middle_scale) &&
                 finite(a.value) && std::isfinite(a.pool_scale);
  for (const float scale : a.scales) numbers = numbers && finite(scale);
  if (!numbers) bad(place, "a number is not finite");
}

// What each op takes: the range of its inputs.
struct Arity {
  size_t min, max;
};
Arity arity(StepOp op) {
  switch (op) {
    case StepOp::kConv:
    case StepOp::kGemm:
    case StepOp::kFloatConv:
    case StepOp::kFloatGemm:
      return {1, 2};
    case StepOp::kAdd:
    case StepOp::kMul:
    case StepOp::kFloatBinary:
      return {2, 2};
    case StepOp::kConcat:
    case StepOp::kFloatConcat:
      return {1, 1 << 12};
    default:
      return {1, 1};
  }
}

class Flow {
 public:
  explicit Flow(const Plan& plan) : plan_(plan), written_(plan.tensors.size(), false) {
    for (size_t i = 0; i < written_.size(); ++i) written_[i] = plan.tensors[i].constant.size != 0;
  }

  void step(const Step& s) {
    const std::string place = cat(name_of(s.op), " ", s.name);
    const bool reads = s.op == StepOp::kReadF32 || s.op == StepOp::kReadU8, writes = s.op == StepOp::kWriteF32;
    const Arity takes = arity(s.op);
    check_range(place, "inputs", static_cast<int64_t>(s.inputs.size()), static_cast<int64_t>(takes.min),
                static_cast<int64_t>(takes.max));
    for (const int32_t id : s.inputs) {
      check_range(place, "input", id, reads ? -1 : 0, reads ? -1 : last());
      if (!reads && !written_[static_cast<size_t>(id)]) bad(place, cat("tensor ", id, " is read before it is written"));
    }
    check_range(place, "output", s.output, writes ? -1 : 0, writes ? -1 : last());
    if (!writes) {
      if (written_[static_cast<size_t>(s.output)]) bad(place, cat("tensor ", s.output, " is written twice"));
      written_[static_cast<size_t>(s.output)] = true;
    }
    check_attrs(place, s.attrs);
    const bool layer = s.op == StepOp::kConv || s.op == StepOp::kGemm;
    if (s.attrs.middle != Middle::kNone && (plan_.device != Device::kCpu || !layer || s.inputs.size() != 2))
      bad(place, "only an int8 layer with a skip on the CPU rounds twice");
    for (const Blob& blob : s.blobs) check_blob(plan_, place, blob);
    if (!writes && outputs_ > 0) bad(place, "comes after the outputs were written");
    if (writes) write(place, plan_.tensors[static_cast<size_t>(s.inputs[0])]);
  }
  void end() const {
    if (outputs_ != plan_.outputs.size() || outputs_ == 0) {
      bad("outputs", cat("expected a write for each of ", plan_.outputs.size(), " outputs, got ", outputs_));
    }
  }

 private:
  // The n-th write is the n-th output: what the caller's memory is sized by.
  void write(const std::string& place, const PlanTensor& t) {
    if (outputs_ < plan_.outputs.size()) {
      const Binding& b = plan_.outputs[outputs_];
      if (b.channels != t.channels || b.rank != t.rank) bad(place, "is not what output " + b.name + " declares");
    }
    ++outputs_;
  }
  int64_t last() const { return static_cast<int64_t>(written_.size()) - 1; }
  const Plan& plan_;
  std::vector<bool> written_;
  size_t outputs_ = 0;
};

void check_schedule(const Plan& plan) {
  int32_t after = 0;
  for (size_t i = 0; i < plan.schedule.size(); ++i) {
    const StepGroup& g = plan.schedule[i];
    const std::string place = cat("group ", i, " of the schedule");
    if (plan.device != Device::kCpu) bad(place, "is for CPUs");
    check_range(place, "first step", g.first, after, static_cast<int64_t>(plan.steps.size()));
    check_range(place, "end", g.last, g.first + 1, static_cast<int64_t>(plan.steps.size()));
    check_range(place, "images", g.images, 1, kMaxBatch);
    for (int32_t s = g.first; s < g.last; ++s) {
      const Step& step = plan.steps[static_cast<size_t>(s)];
      if (!runs_in_tiles(step.op)) bad(place, cat(name_of(step.op), " ", step.name, " cannot run in tiles"));
    }
    after = g.last;
  }
}

// Empty where there is no such key.
std::vector<double> numbers(const Plan& plan, const char* key) {
  const auto found = plan.metadata.find(key);
  return found == plan.metadata.end() ? std::vector<double>{} : numbers_in(found->second);
}

}  // namespace

PictureNormalization picture_normalization(const Plan& plan) {
  PictureNormalization own{.mean = numbers(plan, "mean"), .std = numbers(plan, "std")};
  for (const auto& [key, values] : {std::pair("mean", &own.mean), std::pair("std", &own.std)}) {
    if (fits_channels(*values, plan.input.channels)) continue;
    bad("metadata", cat(key, ": expected a value for each of ", plan.input.channels,
                        " channels or one for all, as input u8_nhwc needs, got ", values->size()));
  }
  check_normalization(own.mean, own.std, "[engine] metadata",
                      "correct them in the ONNX file's metadata and build again");
  return own;
}

void validate(const Plan& plan) {
  check_range("engine", "compute capability", plan.compute_capability, plan.device == Device::kCuda ? 10 : 0,
              plan.device == Device::kCuda ? 990 : 0);
  check_profile(plan);
  check_binding(plan.input);
  if (plan.input.channels != plan.profile.max[1] || plan.profile.min[1] != plan.profile.max[1]) {
    bad("profile", "the number of channels cannot vary");
  }
  for (const Binding& output : plan.outputs) check_binding(output);
  for (const PlanTensor& tensor : plan.tensors) check_tensor(plan, tensor);
  Flow flow(plan);
  for (const Step& step : plan.steps) flow.step(step);
  flow.end();
  check_schedule(plan);
  if (plan.input_mode == InputMode::kU8Nhwc) static_cast<void>(picture_normalization(plan));
}

}  // namespace qat::engine
