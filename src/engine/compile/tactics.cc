// Measures what the budget allows, takes the table's first for the rest: see tactics.h.
#include "engine/compile/tactics.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "base/threads.h"
#include "engine/compile/tactic_key.h"
#include "engine/runtime/problems.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;

bool has_weights(const Step& s) { return s.op == StepOp::kConv || s.op == StepOp::kGemm; }

// The reference is for machines without anything better. Kernels that need twice the instructions for a product, those
// without vpdpbusd beside some with it, were never first: not worth their time.
void drop_outclassed(std::vector<Candidate>& found) {
  const auto multiplies_bytes = [](const Candidate& c) { return c.isa == Isa::kAvxVnni || c.isa >= Isa::kAvx512Vnni; };
  if (found.size() > 1 && found.back().name.ends_with("_reference")) found.pop_back();
  if (std::any_of(found.begin(), found.end(), multiplies_bytes)) {
    std::erase_if(found, [&](const Candidate& c) { return !multiplies_bytes(c); });
  } else if (std::any_of(found.begin(), found.end(), [](const Candidate& c) { return c.isa > Isa::kPortable; })) {
    std::erase_if(found, [](const Candidate& c) { return c.isa == Isa::kPortable; });
  }
  // Of those that prepare the first: each instruction set has its own, and whole runs decide about it.
  bool another = false;
  std::erase_if(found, [&](const Candidate& c) { return c.prepares && std::exchange(another, true); });
}

constexpr double kNever = 1e30;
constexpr double kMaybe = 2.0;  // of the other kernel's time: a slice of a step weighs more on one that prepares
struct Timed {
  Candidate candidate;
  double microseconds = kNever;
};

class Chooser {
 public:
  Chooser(Draft& draft, const BuildRequest& request, TimingCache& cache)
      : draft_(draft),
        request_(request),
        cache_(cache),
        extents_(infer_extents(draft.plan, request.profile.opt)),
        threads_(request.threads > 0 ? request.threads : usable_cpus()) {}

  LayerReport choose(size_t index) {
    Step& s = draft_.plan.steps[index];
    if (s.op == StepOp::kConv) s.attrs.sum_bits = sum_bits({draft_.plan, s, extents_}, draft_.weights[index]);
    if (s.attrs.sum_bits > 32) fail(Code::kBadFile, "[conv ", s.name, "] its int8 sums may leave 32 bits");
    std::vector<Candidate> found = candidates(draft_.plan, s, extents_);
    LayerReport report = describe(s);
    if (found.empty()) return report;  // one form only: float, flatten
    drop_outclassed(found);
    Candidate best = found.front();
    if (has_weights(s)) {
      report.candidates = static_cast<int>(found.size());
      best = measure(index, found, report);
    }
    s.kernel = report.kernel = best.name;
    draft_.plan.isa = std::max(draft_.plan.isa, best.isa);
    return report;
  }

 private:
  LayerReport describe(const Step& s) const {
    const auto coded = [&](int32_t id) {
      return id >= 0 && draft_.plan.tensors[static_cast<size_t>(id)].storage == Storage::kU8;
    };
    return {.layer = s.name,
            .fused = s.fused,
            .op = std::string(name_of(s.op)),
            .precision = coded(s.output) || coded(s.inputs[0]) ? "int8" : "fp32",
            .operations = cost_of({draft_.plan, s, extents_}).operations};
  }

  // The fastest by the cache where it knows the problem, by trials elsewhere. Past the budget the first kernel alone is
  // run, once: its entry makes the next build from this cache decide the same.
  Candidate measure(size_t index, const std::vector<Candidate>& found, LayerReport& report) {
    const std::string problem = tactic_key(draft_.plan, draft_.plan.steps[index], extents_, threads_, found);
    const auto known = [&](const Candidate& c) { return cache_.find(problem + "|" + c.name); };
    if (std::none_of(found.begin(), found.end(), known) && request_.tactic_seconds > 0) try_all(index, found, problem);
    Timed best{found.front()}, other{found.front()};
    for (const Candidate& candidate : found) {
      const std::optional<double> microseconds = known(candidate);
      Timed& rival = candidate.prepares ? other : best;
      if (microseconds && *microseconds < rival.microseconds) rival = {candidate, *microseconds};
    }
    if (best.microseconds < kNever) report.milliseconds = 1e-3 * best.microseconds;
    if (other.microseconds < kMaybe * best.microseconds)
      draft_.alternatives.push_back({index, other.candidate.name, other.candidate.isa, 1e-3 * other.microseconds});
    return best.candidate;
  }

  void try_all(size_t index, const std::vector<Candidate>& found, const std::string& problem) {
    const auto start = Clock::now();
    const bool time_left = spent_ < request_.tactic_seconds;
    Trial trial(draft_, index, extents_, threads_);
    double least = kNever;
    for (const Candidate& candidate : found) {
      if (!time_left && least < kNever) break;
      const double seconds = trial.seconds(candidate, 1.5 * least, time_left);
      least = std::min(least, seconds);
      cache_.add(problem + "|" + candidate.name, rounded_time(1e6 * seconds));
    }
    spent_ += std::chrono::duration<double>(Clock::now() - start).count();
  }

  Draft& draft_;
  const BuildRequest& request_;
  TimingCache& cache_;
  std::vector<Extents> extents_;
  int threads_;
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

Plan packed(Draft draft) {
  const std::vector<Extents> extents = infer_extents(draft.plan, draft.plan.profile.opt);
  std::vector<size_t> layers;
  for (size_t i = 0; i < draft.plan.steps.size(); ++i) {
    Step& s = draft.plan.steps[i];
    if (!has_weights(s)) continue;
    layers.push_back(i);
    const std::vector<Candidate> all = candidates(draft.plan, s, extents);
    const auto named = std::find_if(all.begin(), all.end(), [&](const Candidate& c) { return c.name == s.kernel; });
    QAT_ASSERT(named != all.end());
    s.blobs[0] = draft.add_zeros(named->packed_bytes);
  }
  ThreadPool pool(0);
  std::atomic<size_t> next{0};
  pool.parallel_for(pool.size(), [&](int64_t, int64_t, int) {
    for (size_t i = next++; i < layers.size(); i = next++) {
      const Step& s = draft.plan.steps[layers[i]];
      AlignedBuffer weights(s.blobs[0].size);
      std::memset(weights.data(), 0, weights.size());
      pack_weights(draft.plan, s, extents, s.kernel, draft.weights[layers[i]], weights.data());
      std::memcpy(draft.blobs.data() + s.blobs[0].offset, weights.data(), s.blobs[0].size);
    }
  });
  return std::move(draft).finish();
}

}  // namespace qat::engine
