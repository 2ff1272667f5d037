// One line a problem: see tactic_key.h.
#include "engine/compile/tactic_key.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/hash.h"
#include "base/text.h"

namespace qat::engine {

namespace {

std::string machine(int threads) { return cat(cpu().model, "|", name_of(isa()), "|", threads, "|"); }

std::string problem(const Plan& plan, const Step& s, const std::vector<Extents>& extents) {
  std::string text = cat(name_of(s.op), " ", name_of(s.attrs.function));
  for (const int32_t id : s.inputs) {
    if (id < 0) continue;
    const PlanTensor& t = plan.tensors[static_cast<size_t>(id)];
    const Extents& e = extents[static_cast<size_t>(id)];
    text += cat(" ", e.n, "x", t.channels, "x", e.h, "x", e.w, " ", precision_of(t.storage));
  }
  const StepAttrs& a = s.attrs;
  if (s.output >= 0) {
    const PlanTensor& t = plan.tensors[static_cast<size_t>(s.output)];
    text += cat(" to ", t.channels, " ", precision_of(t.storage));
  }
  return text + cat(" k", join(a.kernel, "x"), " s", join(a.stride, "x"), " p", join(a.pads, "."), " d",
                    join(a.dilation, "x"), " g", a.groups, " e", static_cast<int>(a.activation));
}

}  // namespace

std::string tactic_key(const Plan& plan, const Step& step, const std::vector<Extents>& extents, int threads,
                       std::span<const Candidate> candidates) {
  std::string names;
  for (const Candidate& candidate : candidates) names += candidate.name + ' ';
  return cat(machine(threads), problem(plan, step, extents), "|of ", hash_hex(names.data(), names.size()).substr(0, 8));
}

std::string plan_key(const Plan& plan, int threads) {
  const std::vector<Extents> extents = infer_extents(plan, plan.profile.opt);
  std::string steps;
  for (const Step& step : plan.steps) steps += problem(plan, step, extents) + step.kernel + '\n';
  return cat(machine(threads), plan.network, " ", join(plan.profile.opt, "x"), " ", plan.precision, " ",
             hash_hex(steps.data(), steps.size()));
}

double rounded_time(double microseconds, int digits) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*g", digits, microseconds);
  return std::strtod(text.data(), nullptr);
}

}  // namespace qat::engine
