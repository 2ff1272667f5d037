// Sessions: a cache of bound shapes, and the walk of the team through the steps. See session.h.
#include "engine/runtime/session.h"

#include <chrono>
#include <exception>
#include <list>

#include "base/error.h"
#include "base/half.h"
#include "base/plugin.h"
#include "base/threads.h"
#include "engine/runtime/shape_binding.h"
#include "engine/runtime/team.h"

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

}  // namespace

struct Session::Impl {
  std::shared_ptr<const Plan> plan;
  SessionOptions options;
  BindOptions bind;
  Team team;
  std::list<std::unique_ptr<ShapeBinding>> shapes;  // the front one is bound
  std::vector<AlignedBuffer> scratch;               // by thread
  bool profiling = false;
  int64_t profiled_runs = 0;
  std::vector<double> seconds;  // by step
  std::exception_ptr error;
  Clock::time_point last;

  Impl(std::shared_ptr<const Plan> p, SessionOptions o, int threads)
      : plan(std::move(p)), options(o), team(team_size(*plan, threads)) {
    kernels::FloatBackend* floats = float_library(*plan);
    bind = {.threads = threads,
            .keep_tensors = options.keep_tensors,
            .floats = floats,
            .layout = float_layout(*plan, floats)};
    scratch.resize(static_cast<size_t>(team.size()));
    seconds.assign(plan->steps.size(), 0.0);
  }

  // A team for int8 steps; the float library has threads of its own.
  static int team_size(const Plan& plan, int threads) {
    for (const PlanTensor& t : plan.tensors) {
      if (t.storage == Storage::kU8) return threads;
    }
    return 1;
  }

  ShapeBinding& current() const {
    if (shapes.empty()) fail(Code::kUsage, "[engine] no input shape is set; set one before running");
    return *shapes.front();
  }

  void remember(std::unique_ptr<ShapeBinding> binding) {
    for (AlignedBuffer& buffer : scratch) {
      if (buffer.size() < binding->scratch_bytes) buffer = AlignedBuffer(binding->scratch_bytes);
    }
    shapes.push_front(std::move(binding));
    size_t bytes = 0, kept = 0;
    for (auto it = shapes.begin(); it != shapes.end();) {
      bytes += (*it)->arena.size();
      const bool drop = kept > 0 && (bytes > kCachedBytes || kept >= std::max<size_t>(options.cached_shapes, 1));
      it = drop ? shapes.erase(it) : std::next(it);
      ++kept;
    }
  }

  void member(int index);
};

// All members take the same steps; each does its contiguous share of a step's units, then waits for the others.
void Session::Impl::member(int index) {
  ShapeBinding& b = *shapes.front();
  const int64_t members = team.size();
  for (size_t i = 0; i < b.steps.size(); ++i) {
    BoundStep& step = *b.steps[i];
    const int64_t units = step.units(), begin = units * index / members, end = units * (index + 1) / members;
    // A single unit goes to the caller: libraries keep their threads' state there.
    const bool single = units == 1;
    try {
      if (single && index == 0) step.run(0, 1, scratch[0].data());
      if (!single && begin < end) step.run(begin, end, scratch[static_cast<size_t>(index)].data());
    } catch (...) {
      if (index == 0) error = std::current_exception();  // only the float library throws, on the caller
    }
    team.barrier();
    if (profiling && index == 0) {
      const Clock::time_point now = Clock::now();
      seconds[i] += std::chrono::duration<double>(now - last).count();
      last = now;
    }
  }
}

Session::Session(std::shared_ptr<const Plan> plan, SessionOptions options) {
  const int threads = options.threads > 0 ? options.threads : usable_cpus();
  impl_ = std::make_unique<Impl>(std::move(plan), options, threads);
}
Session::~Session() = default;

const Plan& Session::plan() const { return *impl_->plan; }
int Session::threads() const { return impl_->bind.threads; }
size_t Session::arena_bytes() const { return impl_->current().arena.size(); }
const InputShape& Session::bound() const { return impl_->current().shape; }

void Session::bind(const InputShape& shape) {
  auto& shapes = impl_->shapes;
  for (auto it = shapes.begin(); it != shapes.end(); ++it) {
    if ((*it)->shape != shape) continue;
    shapes.splice(shapes.begin(), shapes, it);
    return;
  }
  impl_->remember(bind_shape(*impl_->plan, shape, impl_->bind));
}

std::vector<int64_t> Session::output_shape(size_t index) const {
  const Plan& plan = *impl_->plan;
  const Binding& output = plan.outputs.at(index);
  const size_t step = plan.steps.size() - plan.outputs.size() + index;
  const Extents& e = impl_->current().extents.at(static_cast<size_t>(plan.steps.at(step).inputs.at(0)));
  if (output.rank == 2) return {e.n, output.channels};
  return {e.n, output.channels, e.h, e.w};
}

void Session::run(const void* input, const std::vector<float*>& outputs) {
  Impl& impl = *impl_;
  ShapeBinding& b = impl.current();
  const std::vector<Step>& steps = impl.plan->steps;
  if (outputs.size() != impl.plan->outputs.size()) {
    fail(Code::kUsage, "[engine] expected ", impl.plan->outputs.size(), " outputs, got ", outputs.size());
  }
  const size_t first_write = steps.size() - outputs.size();
  for (size_t i = 0; i < steps.size(); ++i) {
    b.steps[i]->set_external(input, i >= first_write ? outputs[i - first_write] : nullptr);
  }
  impl.error = nullptr;
  impl.last = Clock::now();
  impl.team.run([](void* context, int member) { static_cast<Impl*>(context)->member(member); }, &impl);
  if (impl.profiling) ++impl.profiled_runs;
  if (impl.error) std::rethrow_exception(impl.error);
}

void Session::set_profiling(bool on) {
  impl_->profiling = on;
  impl_->profiled_runs = on ? 0 : impl_->profiled_runs;
  if (on) impl_->seconds.assign(impl_->seconds.size(), 0.0);
}

std::vector<StepProfile> Session::profile() const {
  const Plan& plan = *impl_->plan;
  const ShapeBinding& b = impl_->current();
  std::vector<StepProfile> rows;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& s = plan.steps[i];
    const StepView view{plan, s, b.extents};
    const Cost cost = cost_of(view);
    const PlanTensor& t = s.output >= 0 ? view.out() : view.in(0);
    const bool coded =
        t.storage == Storage::kU8 || (s.output >= 0 && s.inputs[0] >= 0 && view.in(0).storage == Storage::kU8);
    rows.push_back(
        {.name = s.name,
         .fused = s.fused,
         .op = std::string(name_of(s.op)),
         .kernel = b.steps[i]->kernel(),
         .precision = coded                         ? "int8"
                      : t.storage == Storage::kBF16 ? "bf16"
                                                    : "fp32",
         .milliseconds = 1e3 * impl_->seconds[i] / static_cast<double>(std::max<int64_t>(impl_->profiled_runs, 1)),
         .operations = cost.operations,
         .bytes = cost.bytes});
  }
  return rows;
}

std::vector<float> Session::tensor(int32_t id, std::vector<int64_t>* shape) const {
  const Impl& impl = *impl_;
  if (!impl.options.keep_tensors || impl.bind.layout != kernels::FloatLayout::kNhwc) {
    fail(Code::kUsage, "[engine] tensors are kept only on request, and not in blocked layouts");
  }
  const PlanTensor& t = impl.plan->tensors.at(static_cast<size_t>(id));
  const ShapeBinding& b = impl.current();
  const Extents& e = b.extents.at(static_cast<size_t>(id));
  const std::byte* memory = b.memory.at(static_cast<size_t>(id));
  *shape = t.rank == 2 ? std::vector<int64_t>{e.n, t.channels} : std::vector<int64_t>{e.n, t.channels, e.h, e.w};
  std::vector<float> values(static_cast<size_t>(e.pixels() * t.channels));
  const int64_t area = e.h * e.w, pitch = pitch_of(t);
  for (int64_t p = 0; p < e.pixels(); ++p) {
    for (int64_t c = 0; c < t.channels; ++c) {
      const int64_t at = p * pitch + c;
      float value = 0;
      if (t.storage == Storage::kU8) value = dequantize(static_cast<int32_t>(memory[at]), t.scale, t.zero);
      if (t.storage == Storage::kF32) value = reinterpret_cast<const float*>(memory)[at];
      if (t.storage == Storage::kBF16) value = to_float(reinterpret_cast<const BFloat16*>(memory)[at]);
      values[static_cast<size_t>((p / area * t.channels + c) * area + p % area)] = value;
    }
  }
  return values;
}

}  // namespace qat::engine
