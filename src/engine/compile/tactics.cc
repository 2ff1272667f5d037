// Measures what the budget allows, takes the table's first for the rest: see tactics.h.
#include "engine/compile/tactics.h"

#include <chrono>

#include "base/error.h"
#include "base/threads.h"
#include "engine/compile/trial.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;

bool has_weights(const Step& s) { return s.op == StepOp::kConv || s.op == StepOp::kGemm; }

// What decides a kernel's speed: shapes, not values.
std::string signature(const Plan& plan, const Step& s, const std::vector<Extents>& extents, int threads) {
  const auto in = static_cast<size_t>(s.inputs[0]), out = static_cast<size_t>(s.output);
  const StepAttrs& a = s.attrs;
  return cat(cpu().model, "|", name_of(isa()), "|", threads, "|", name_of(s.op), " ", extents[in].n, "x",
             plan.tensors[in].channels, "x", extents[in].h, "x", extents[in].w, " to ", plan.tensors[out].channels,
             plan.tensors[out].storage == Storage::kU8 ? " u8" : " f32", " k", join(a.kernel, "x"), " s",
             join(a.stride, "x"), " p", join(a.pads, "."), " d", join(a.dilation, "x"), " g", a.groups, " e",
             static_cast<int>(a.activation), s.inputs.size() > 1 ? " skip" : "");
}

class Chooser {
 public:
  Chooser(Draft& draft, const BuildRequest& request, TimingCache& cache)
      : draft_(draft),
        request_(request),
        cache_(cache),
        extents_(infer_extents(draft.plan, request.profile.opt)),
        threads_(request.threads > 0 ? request.threads : usable_cpus()),
        team_(threads_) {}

  LayerReport choose(size_t index) {
    Step& s = draft_.plan.steps[index];
    std::vector<Candidate> found = candidates(draft_.plan, s, extents_);
    LayerReport report = describe(s);
    if (found.empty()) return report;  // one form only: float, flatten
    // The reference is for machines without anything better.
    if (found.size() > 1 && found.back().name.ends_with("_reference")) found.pop_back();
    Candidate best = found.front();
    if (has_weights(s)) {
      report.candidates = static_cast<int>(found.size());
      best = measure(index, found, report);
    }
    s.kernel = report.kernel = best.name;
    draft_.plan.isa = std::max(draft_.plan.isa, best.isa);
    if (has_weights(s)) {
      s.blobs[0] = draft_.add_zeros(best.packed_bytes);
      AlignedPack packed(best.packed_bytes);
      pack_weights(draft_.plan, s, extents_, best.name, draft_.weights[index], packed.data);
      std::copy_n(static_cast<const char*>(packed.data), best.packed_bytes, draft_.blobs.data() + s.blobs[0].offset);
    }
    return report;
  }

 private:
  struct AlignedPack {
    explicit AlignedPack(size_t size) : data(std::aligned_alloc(64, (size + 127) / 64 * 64)) {
      if (data == nullptr) fail(Code::kOutOfMemory, "no memory to pack ", size, " bytes of weights");
      std::fill_n(static_cast<char*>(data), (size + 127) / 64 * 64, '\0');
    }
    ~AlignedPack() { std::free(data); }
    AlignedPack(const AlignedPack&) = delete;
    AlignedPack& operator=(const AlignedPack&) = delete;
    void* data;
  };

  LayerReport describe(const Step& s) const {
    const auto coded = [&](int32_t id) {
      return id >= 0 && draft_.plan.tensors[static_cast<size_t>(id)].storage == Storage::kU8;
    };
    return {.layer = s.name,
            .fused = s.fused,
            .op = std::string(name_of(s.op)),
            .precision = coded(s.output) || coded(s.inputs[0]) ? "int8" : "fp32"};
  }

  Candidate measure(size_t index, const std::vector<Candidate>& found, LayerReport& report) {
    const std::string problem = signature(draft_.plan, draft_.plan.steps[index], extents_, threads_);
    Candidate best = found.front();
    double least = 1e30;
    for (const Candidate& candidate : found) {
      const std::string key = problem + "|" + candidate.name;
      std::optional<double> microseconds = cache_.find(key);
      const bool time_left = spent_ < request_.tactic_seconds;
      if (!microseconds && time_left) {
        const auto start = Clock::now();
        microseconds = 1e6 * time_kernel(draft_, index, extents_, candidate, team_, 3e-6 * least);
        spent_ += std::chrono::duration<double>(Clock::now() - start).count();
        cache_.add(key, *microseconds);
      }
      if (microseconds && *microseconds < least) {
        least = *microseconds;
        best = candidate;
      }
    }
    if (least < 1e30) report.milliseconds = 1e-3 * least;
    return best;
  }

  Draft& draft_;
  const BuildRequest& request_;
  TimingCache& cache_;
  std::vector<Extents> extents_;
  int threads_;
  Team team_;
  double spent_ = 0;
};

}  // namespace

void choose_kernels(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  Chooser chooser(draft, request, cache);
  const auto total = static_cast<int64_t>(draft.plan.steps.size());
  for (int64_t i = 0; i < total; ++i) {
    if (request.callbacks.interrupted && request.callbacks.interrupted()) fail(Code::kFailure, "build interrupted");
    report.layers.push_back(chooser.choose(static_cast<size_t>(i)));
    if (request.callbacks.progress) request.callbacks.progress(report.layers.back().layer, i + 1, total);
  }
}

}  // namespace qat::engine
