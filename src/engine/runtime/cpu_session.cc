// The CPU's sessions: a cache of bound shapes, and the walk of the team through the steps. See session_backend.h.
#include <chrono>
#include <exception>
#include <list>

#include "base/cpu.h"
#include "base/error.h"
#include "base/plugin.h"
#include "base/threads.h"
#include "engine/runtime/session_backend.h"
#include "engine/runtime/shape_binding.h"
#include "engine/runtime/team.h"
#include "engine/runtime/to_nchw.h"

namespace qat::engine {

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kCachedBytes = size_t{1} << 30;  // arenas of bound shapes that are kept

// Absent, float steps run in plain C++: slow and correct.
kernels::FloatBackend* float_library(const Plan& plan) {
  if (!wants_float_library(plan)) return nullptr;
  try {
    return &plugin<kernels::FloatBackend>(kernels::kFloatPlugin, kernels::kFloatPluginRemedy);
  } catch (const Error&) {
    for (const PlanTensor& t : plan.tensors) {
      if (t.storage == Storage::kBF16) throw;
    }
    return nullptr;
  }
}

class CpuSession : public SessionBackend {
 public:
  CpuSession(std::shared_ptr<const Plan> plan, const SessionOptions& options, int threads)
      : plan_(std::move(plan)), options_(options), team_(team_size(*plan_, threads)) {
    kernels::FloatBackend* floats = float_library(*plan_);
    bind_ = {.threads = threads,
             .members = team_.size(),
             .keep_tensors = options.keep_tensors,
             .floats = floats,
             .layout = float_layout(*plan_, floats)};
    scratch_.resize(static_cast<size_t>(team_.size()));
    seconds_.assign(plan_->steps.size(), 0.0);
  }

  int threads() const override { return bind_.threads; }
  std::string device_name() const override { return cpu().model; }
  void bind(const InputShape& shape) override;
  const InputShape& bound() const override { return current().shape; }
  const std::vector<Extents>& extents() const override { return current().extents; }
  size_t arena_bytes() const override { return current().arena.size(); }
  void run(const void* input, const std::vector<float*>& outputs) override;
  void set_profiling(bool on) override;
  std::vector<double> step_seconds() const override;
  std::vector<std::string> step_kernels() const override;
  std::vector<float> tensor(int32_t id) const override;

 private:
  // A team for int8 steps; the float library has threads of its own.
  static int team_size(const Plan& plan, int threads) {
    for (const PlanTensor& t : plan.tensors) {
      if (t.storage == Storage::kU8) return threads;
    }
    return 1;
  }
  ShapeBinding& current() const {
    if (shapes_.empty()) fail(Code::kUsage, "[engine] no input shape is set; set one before running");
    return *shapes_.front();
  }
  void remember(std::unique_ptr<ShapeBinding> binding);
  void member(int index);
  void share(int index, Link& link);
  void lap(int index, size_t step);

  std::shared_ptr<const Plan> plan_;
  SessionOptions options_;
  BindOptions bind_;
  Team team_;
  std::list<std::unique_ptr<ShapeBinding>> shapes_;  // the front one is bound
  std::vector<AlignedBuffer> scratch_;               // by thread
  bool profiling_ = false;
  int64_t profiled_runs_ = 0;
  std::vector<double> seconds_;  // by step
  std::exception_ptr error_;
  Clock::time_point last_;
};

void CpuSession::remember(std::unique_ptr<ShapeBinding> binding) {
  for (AlignedBuffer& buffer : scratch_) {
    if (buffer.size() < binding->scratch_bytes) buffer = AlignedBuffer(binding->scratch_bytes);
  }
  shapes_.push_front(std::move(binding));
  size_t bytes = 0, kept = 0;
  for (auto it = shapes_.begin(); it != shapes_.end();) {
    bytes += (*it)->arena.size();
    const bool drop = kept > 0 && (bytes > kCachedBytes || kept >= std::max<size_t>(options_.cached_shapes, 1));
    it = drop ? shapes_.erase(it) : std::next(it);
    ++kept;
  }
}

// All members take the same parts. Of a chain that they share, each does its contiguous share of a link's units, then
// waits for the others.
void CpuSession::member(int index) {
  const auto members = static_cast<size_t>(team_.size()), self = static_cast<size_t>(index);
  for (Part& part : shapes_.front()->parts) {
    for (size_t i = part.alone * self / members; i < part.alone * (self + 1) / members; ++i) {
      for (Link& link : part.chains[i]) {
        link.bound->run(0, link.bound->units(), scratch_[self].data());
        lap(index, link.step);
      }
    }
    if (part.alone > 0) {
      team_.barrier(index, Team::Wait::kSpinning);
      lap(index, part.chains[0].back().step);
    }
    for (size_t i = part.alone; i < part.chains.size(); ++i) {
      for (Link& link : part.chains[i]) share(index, link);
    }
  }
}

void CpuSession::share(int index, Link& link) {
  const int64_t members = team_.size(), units = link.bound->units();
  const int64_t begin = units * index / members, end = units * (index + 1) / members;
  // A single unit goes to the caller: libraries keep their threads' state there, and those threads want the cores.
  const bool single = units == 1;
  try {
    if (single && index == 0) link.bound->run(0, 1, scratch_[0].data());
    if (!single && begin < end) link.bound->run(begin, end, scratch_[static_cast<size_t>(index)].data());
  } catch (...) {
    if (index == 0) error_ = std::current_exception();  // only the float library throws, on the caller
  }
  team_.barrier(index, single ? Team::Wait::kBriefly : Team::Wait::kSpinning);
  lap(index, link.step);
}

// The caller's time since its last lap goes to a step.
void CpuSession::lap(int index, size_t step) {
  if (!profiling_ || index != 0) return;
  const Clock::time_point now = Clock::now();
  seconds_[step] += std::chrono::duration<double>(now - last_).count();
  last_ = now;
}

void CpuSession::bind(const InputShape& shape) {
  for (auto it = shapes_.begin(); it != shapes_.end(); ++it) {
    if ((*it)->shape != shape) continue;
    shapes_.splice(shapes_.begin(), shapes_, it);
    return;
  }
  remember(bind_shape(*plan_, shape, bind_));
}

void CpuSession::run(const void* input, const std::vector<float*>& outputs) {
  const size_t first_write = plan_->steps.size() - outputs.size();
  for (Part& part : current().parts) {
    Link& link = part.chains[0][0];  // steps of the caller's memory have a part of their own
    link.bound->set_external(input, link.step >= first_write ? outputs[link.step - first_write] : nullptr);
  }
  error_ = nullptr;
  last_ = Clock::now();
  team_.run([](void* context, int member) { static_cast<CpuSession*>(context)->member(member); }, this);
  if (profiling_) ++profiled_runs_;
  if (error_) std::rethrow_exception(error_);
}

void CpuSession::set_profiling(bool on) {
  profiling_ = on;
  profiled_runs_ = on ? 0 : profiled_runs_;
  if (on) seconds_.assign(seconds_.size(), 0.0);
}

std::vector<double> CpuSession::step_seconds() const {
  std::vector<double> mean = seconds_;
  for (double& seconds : mean) seconds /= static_cast<double>(std::max<int64_t>(profiled_runs_, 1));
  return mean;
}

std::vector<std::string> CpuSession::step_kernels() const {
  std::vector<std::string> names(plan_->steps.size());
  for (const Part& part : current().parts) {
    for (const Link& link : part.chains[0]) names[link.step] = link.bound->kernel();
  }
  return names;
}

std::vector<float> CpuSession::tensor(int32_t id) const {
  if (!options_.keep_tensors || bind_.layout != kernels::FloatLayout::kNhwc) {
    fail(Code::kUsage, "[engine] tensors are kept only on request, and not in blocked layouts");
  }
  const PlanTensor& t = plan_->tensors.at(static_cast<size_t>(id));
  const ShapeBinding& b = current();
  const std::byte* memory = b.memory.at(static_cast<size_t>(id));
  return to_nchw(t, b.extents.at(static_cast<size_t>(id)), pitch_of(t), memory);
}

}  // namespace

std::unique_ptr<SessionBackend> open_cpu_session(std::shared_ptr<const Plan> plan, const SessionOptions& options) {
  const int threads = options.threads > 0 ? options.threads : usable_cpus();
  return std::make_unique<CpuSession>(std::move(plan), options, threads);
}

}  // namespace qat::engine
