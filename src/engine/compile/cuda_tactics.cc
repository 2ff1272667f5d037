// Times the GPU plugin's kernels layer by layer: see cuda_tactics.h.
#include "engine/compile/cuda_tactics.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "engine/compile/cuda_rivals.h"
#include "engine/compile/tactic_key.h"
#include "engine/cuda/backend.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;

// What decides a kernel's speed: the GPU, and shapes, not values.
std::string problem_key(const std::string& gpu, const StepView& v) {
  const Extents& e = v.in_extents(0);
  const StepAttrs& a = v.step.attrs;
  return cat(gpu, "|", name_of(v.step.op), " ", e.n, "x", v.in(0).channels, "x", e.h, "x", e.w, " to ",
             v.out().channels, " ", precision_of(v.out().storage), " k", join(a.kernel, "x"), " s", join(a.stride, "x"),
             " p", join(a.pads, "."), " d", join(a.dilation, "x"), " g", a.groups, " z", v.in(0).zero, " e",
             static_cast<int>(a.activation), v.has_skip() ? " skip" : "");
}

// Of tactic_seconds; the whole network's trials have their own. A layer has five times as many kernels as on a CPU;
// ResNet-50's take 2 to 3 s at batch 256.
constexpr double kBudgets = 3;

// Of the fastest trial, what another one may take to be tried in the network; and how many are.
constexpr double kClose = 1.3;
constexpr size_t kRivals = 4;

class CudaChooser {
 public:
  CudaChooser(Draft& draft, const BuildRequest& request, TimingCache& cache)
      : draft_(draft),
        request_(request),
        cache_(cache),
        backend_(cuda_backend()),
        gpu_(backend_.device().name),
        extents_(infer_extents(draft.plan, request.profile.opt)) {}

  LayerReport choose(size_t index) {
    Step& s = draft_.plan.steps[index];
    const PlanTensor& t = draft_.plan.tensors[static_cast<size_t>(s.output >= 0 ? s.output : s.inputs[0])];
    const bool coded =
        s.inputs[0] >= 0 && draft_.plan.tensors[static_cast<size_t>(s.inputs[0])].storage == Storage::kU8;
    LayerReport report{.layer = s.name,
                       .fused = s.fused,
                       .op = std::string(name_of(s.op)),
                       .precision = std::string(precision_of(coded ? Storage::kU8 : t.storage))};
    std::vector<CudaTactic> found = s.output >= 0 ? backend_.tactics(view(s)) : std::vector<CudaTactic>{};
    if (found.empty()) return report;
    if (found.size() > 1 && found.back().name.ends_with("_reference")) found.pop_back();
    packed_.clear();
    report.candidates = static_cast<int>(found.size());
    const CudaTactic best = measure(index, found, report);
    s.kernel = report.kernel = best.name;
    const std::string& packed = packed_for(index, best);
    s.blobs[0] = draft_.add_blob(packed.data(), packed.size());
    return report;
  }

  // Layers whose kernels came out close, by what the whole network takes.
  void settle(BuildReport& report) {
    std::vector<Rivals> rivals;
    for (auto& [problem, close] : rivals_) rivals.push_back(std::move(close));
    backend_.end_trials();
    settle_rivals(draft_, {.request = request_, .gpu = gpu_, .rivals = std::move(rivals)}, cache_, report);
  }

 private:
  StepView view(const Step& s) const { return {draft_.plan, s, extents_}; }

  // Past the budget the first of the table, as without one.
  CudaTactic measure(size_t index, const std::vector<CudaTactic>& found, LayerReport& report) {
    const std::string problem = problem_key(gpu_, view(draft_.plan.steps[index]));
    CudaTactic best = found.front();
    double least = 1e30;
    std::vector<std::pair<double, const CudaTactic*>> timed;
    for (const CudaTactic& tactic : found) {
      const std::string key = problem + "|" + tactic.name;
      std::optional<double> microseconds = cache_.find(key);
      if (!microseconds && spent_ < kBudgets * request_.tactic_seconds) {
        const auto start = Clock::now();
        Step step = draft_.plan.steps[index];
        step.blobs[0].size = tactic.packed_bytes;
        microseconds =
            rounded_time(1e6 * backend_.time(view(step), tactic.name, packed_for(index, tactic).data(), 1e-6 * least));
        spent_ += std::chrono::duration<double>(Clock::now() - start).count();
        cache_.add(key, *microseconds);
      }
      if (microseconds) timed.emplace_back(*microseconds, &tactic);
      if (microseconds && *microseconds < least) {
        least = *microseconds;
        best = tactic;
      }
    }
    if (least < 1e30) report.milliseconds = 1e-3 * least;
    Rivals& rivals = rivals_[problem];
    rivals.steps.push_back(index);
    if (!rivals.kernels.empty()) return best;
    std::stable_sort(timed.begin(), timed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [microseconds, tactic] : timed) {
      if (microseconds < kClose * least && tactic->packing == best.packing && rivals.kernels.size() < kRivals)
        rivals.kernels.push_back({tactic->name, 1e-3 * microseconds});
    }
    return best;
  }

  // Kernels share packed forms; a form is made once a layer.
  const std::string& packed_for(size_t index, const CudaTactic& tactic) {
    std::string& packed = packed_[tactic.packing];
    if (!packed.empty()) return packed;
    packed.assign(tactic.packed_bytes, '\0');
    backend_.pack(view(draft_.plan.steps[index]), tactic.name, draft_.weights[index].data<int8_t>().data(),
                  packed.data());
    return packed;
  }

  Draft& draft_;
  const BuildRequest& request_;
  TimingCache& cache_;
  CudaBackend& backend_;
  std::string gpu_;
  std::vector<Extents> extents_;
  std::map<uintptr_t, std::string> packed_;  // of the layer at hand
  std::map<std::string, Rivals> rivals_;     // by problem
  double spent_ = 0;
};

}  // namespace

void choose_cuda_kernels(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report) {
  CudaChooser chooser(draft, request, cache);
  const auto steps = static_cast<int64_t>(draft.plan.steps.size());
  const int64_t total = steps + 1;  // the whole network's trials are the last
  const auto progress = [&](const std::string& label, int64_t done) {
    if (request.callbacks.progress) request.callbacks.progress(label, done, total);
  };
  for (int64_t i = 0; i < steps; ++i) {
    if (request.callbacks.interrupted && request.callbacks.interrupted()) fail(Code::kFailure, "build interrupted");
    report.layers.push_back(chooser.choose(static_cast<size_t>(i)));
    progress(report.layers.back().layer, i + 1);
  }
  chooser.settle(report);
  progress(std::string(kWholeNetwork), total);
}

void to_f16(Draft& draft) {
  for (PlanTensor& t : draft.plan.tensors) {
    if (t.constant.size == 0) t.storage = Storage::kF16;
  }
}

}  // namespace qat::engine
