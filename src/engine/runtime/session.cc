// Sessions: what is the same for every device, over a backend. See session.h.
#include "engine/runtime/session.h"

#include "base/error.h"
#include "engine/cuda/backend.h"
#include "engine/runtime/problems.h"
#include "engine/runtime/session_backend.h"

namespace qat::engine {

namespace {

// The plan's command to rebuild it, for the CPU.
std::string rebuild_for_cpu(std::string command) {
  const size_t device = command.find(kCudaOverride);
  return device == std::string::npos ? command : command.erase(device, kCudaOverride.size());
}

std::unique_ptr<SessionBackend> open_backend(const std::shared_ptr<const Plan>& plan, const SessionOptions& options) {
  if (plan->device == Device::kCpu) return open_cpu_session(plan, options);
  CudaBackend* cuda = nullptr;
  try {
    cuda = &cuda_backend();
    static_cast<void>(cuda->device());
  } catch (const Error& error) {
    fail(Code::kWrongMachine, "[engine ", plan->network, "] built for a GPU: ", error.what(),
         "; rebuild it for this CPU: ", rebuild_for_cpu(plan->rebuild));
  }
  return cuda->open(plan, options);
}

[[noreturn]] void fail_on_cpu() {
  fail(Code::kUsage, "[engine] device memory and streams are for engines built with --device cuda");
}

}  // namespace

void SessionBackend::run_device(const void*, const std::vector<float*>&, void*) { fail_on_cpu(); }
std::vector<double> SessionBackend::device_milliseconds(int64_t) { fail_on_cpu(); }

struct Session::Impl {
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<SessionBackend> backend;

  void check_outputs(const std::vector<float*>& outputs) const {
    if (outputs.size() == plan->outputs.size()) return;
    fail(Code::kUsage, "[engine] expected ", plan->outputs.size(), " outputs, got ", outputs.size());
  }
};

Session::Session(std::shared_ptr<const Plan> plan, SessionOptions options)
    : impl_(std::make_unique<Impl>(Impl{.plan = std::move(plan)})) {
  impl_->backend = open_backend(impl_->plan, options);
}
Session::~Session() = default;

const Plan& Session::plan() const { return *impl_->plan; }
int Session::threads() const { return impl_->backend->threads(); }
std::string Session::device_name() const { return impl_->backend->device_name(); }
void Session::bind(const InputShape& shape) { impl_->backend->bind(shape); }
const InputShape& Session::bound() const { return impl_->backend->bound(); }
size_t Session::arena_bytes() const { return impl_->backend->arena_bytes(); }

std::vector<int64_t> Session::output_shape(size_t index) const {
  const Plan& plan = *impl_->plan;
  const Binding& output = plan.outputs.at(index);
  const size_t step = plan.steps.size() - plan.outputs.size() + index;
  const Extents& e = impl_->backend->extents().at(static_cast<size_t>(plan.steps.at(step).inputs.at(0)));
  if (output.rank == 2) return {e.n, output.channels};
  return {e.n, output.channels, e.h, e.w};
}

void Session::run(const void* input, const std::vector<float*>& outputs) {
  impl_->check_outputs(outputs);
  impl_->backend->run(input, outputs);
}

void Session::run_device(const void* input, const std::vector<float*>& outputs, void* stream) {
  impl_->check_outputs(outputs);
  impl_->backend->run_device(input, outputs, stream);
}

std::vector<double> Session::device_milliseconds(int64_t runs) { return impl_->backend->device_milliseconds(runs); }

void Session::set_profiling(bool on) { impl_->backend->set_profiling(on); }

std::vector<StepProfile> Session::profile() const {
  const Plan& plan = *impl_->plan;
  const std::vector<Extents>& extents = impl_->backend->extents();
  const std::vector<double> seconds = impl_->backend->step_seconds();
  const std::vector<std::string> kernels = impl_->backend->step_kernels();
  std::vector<StepProfile> rows;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& s = plan.steps[i];
    const StepView view{plan, s, extents};
    const Cost cost = cost_of(view);
    const PlanTensor& t = s.output >= 0 ? view.out() : view.in(0);
    const bool coded = s.output >= 0 && s.inputs[0] >= 0 && view.in(0).storage == Storage::kU8;
    rows.push_back({.name = s.name,
                    .fused = s.fused,
                    .op = std::string(name_of(s.op)),
                    .kernel = kernels.at(i),
                    .precision = std::string(precision_of(coded ? Storage::kU8 : t.storage)),
                    .milliseconds = 1e3 * seconds.at(i),
                    .operations = cost.operations,
                    .bytes = cost.bytes,
                    .weight_bytes = cost.weight_bytes});
  }
  return rows;
}

std::vector<float> Session::tensor(int32_t id, std::vector<int64_t>* shape) const {
  const PlanTensor& t = impl_->plan->tensors.at(static_cast<size_t>(id));
  const Extents& e = impl_->backend->extents().at(static_cast<size_t>(id));
  *shape = t.rank == 2 ? std::vector<int64_t>{e.n, t.channels} : std::vector<int64_t>{e.n, t.channels, e.h, e.w};
  return impl_->backend->tensor(id);
}

}  // namespace qat::engine
