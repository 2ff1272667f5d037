// Runs on the GPU: see session.h.
#include "engine/cuda/session/session.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "engine/cuda/float_depthwise/float_depthwise.h"
#include "engine/cuda/float_layer/float_convs.h"
#include "engine/runtime/to_nchw.h"

namespace qat::cuda {

using engine::InputShape;
using engine::Plan;
using engine::SessionOptions;

namespace {

constexpr size_t kCachedBytes = size_t{4} << 30;  // arenas of bound shapes that are kept

// Copies of this size and less go through pinned memory of our own, in one piece; the driver does larger ones in a
// pipeline of its own.
constexpr size_t kPinnedBytes = size_t{4} << 20;

bool is_pinned(const void* host) {
  cudaPointerAttributes attributes{};
  const bool known = cudaPointerGetAttributes(&attributes, host) == cudaSuccess;
  if (!known) static_cast<void>(cudaGetLastError());
  return known && attributes.type == cudaMemoryTypeHost;
}

}  // namespace

CudaSession::CudaSession(std::shared_ptr<const Plan> plan, const SessionOptions& options, std::string device_name)
    : plan_(std::move(plan)),
      options_(options),
      device_name_(std::move(device_name)),
      capability_(plan_->compute_capability),
      blobs_(plan_->blobs.size() + 256),
      slots_((1 + plan_->outputs.size()) * sizeof(void*)),
      slot_values_(1 + plan_->outputs.size(), nullptr),
      convs_(open_float_convs(*plan_)),
      depthwise_(std::make_unique<FloatDepthwise>()) {
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
  check(cudaEventCreateWithFlags(&done_, cudaEventDisableTiming), "event");
  check(cudaMemcpy(blobs_.data(), plan_->blobs.data(), plan_->blobs.size(), cudaMemcpyHostToDevice), "weights");
  seconds_.assign(plan_->steps.size(), 0.0);
}

CudaSession::~CudaSession() {
  static_cast<void>(cudaDeviceSynchronize());
  for (const cudaEvent_t event : events_) static_cast<void>(cudaEventDestroy(event));
  static_cast<void>(cudaEventDestroy(done_));
  static_cast<void>(cudaStreamDestroy(stream_));
}

ShapeBinding& CudaSession::current() const {
  if (shapes_.empty()) fail(Code::kUsage, "[engine] no input shape is set; set one before running");
  return *shapes_.front();
}

void CudaSession::bind(const InputShape& shape) {
  for (auto it = shapes_.begin(); it != shapes_.end(); ++it) {
    if ((*it)->shape != shape) continue;
    shapes_.splice(shapes_.begin(), shapes_, it);
    return;
  }
  // Room first: what may go, goes before the new arena is asked for.
  size_t bytes = 0, kept = 0;
  for (auto it = shapes_.begin(); it != shapes_.end(); ++kept) {
    bytes += (*it)->arena.size();
    const bool drop = bytes > kCachedBytes || kept + 1 >= std::max<size_t>(options_.cached_shapes, 1);
    if (drop) check(cudaDeviceSynchronize(), "binding");
    it = drop ? shapes_.erase(it) : std::next(it);
  }
  shapes_.push_front(bind_shape(*plan_, shape,
                                {.blobs = blobs_.data(),
                                 .slots = reinterpret_cast<void**>(slots_.data()),
                                 .capability = capability_,
                                 .keep_tensors = options_.keep_tensors,
                                 .convs = convs_.get(),
                                 .depthwise = depthwise_.get(),
                                 .stream = stream_}));
  check(cudaStreamSynchronize(stream_), "binding");  // the next run may be on another stream
}

size_t CudaSession::input_bytes() const {
  const InputShape& s = current().shape;
  const bool bytes = plan_->input_mode == engine::InputMode::kU8Nhwc;
  return static_cast<size_t>(s[0] * s[1] * s[2] * s[3]) * (bytes ? 1 : sizeof(float));
}

// The graph finds the caller's memory through the slots, so that one graph serves any pointers.
void CudaSession::set_slots(const void* input, const std::vector<float*>& outputs, cudaStream_t stream) {
  std::vector<void*> values{const_cast<void*>(input)};
  values.insert(values.end(), outputs.begin(), outputs.end());
  if (values == slot_values_) return;
  slot_values_ = values;
  check(cudaMemcpyAsync(slots_.data(), values.data(), slots_.size(), cudaMemcpyHostToDevice, stream), "slots");
}

void CudaSession::enqueue(cudaStream_t stream) { check(cudaGraphLaunch(current().graph, stream), "run"); }

void* CudaSession::staged_input() {
  if (input_.size() < input_bytes()) {
    check(cudaDeviceSynchronize(), "input");
    input_ = DeviceBuffer();
    input_ = DeviceBuffer(input_bytes());
  }
  return input_.data();
}

// Device memory for the outputs that steps write through slots.
std::vector<float*> CudaSession::staged_outputs() {
  size_t bytes = 0;
  for (const OutputPlace& output : current().outputs) bytes += output.tensor ? 0 : (output.bytes + 255) / 256 * 256;
  if (outputs_.size() < bytes) {
    check(cudaDeviceSynchronize(), "outputs");
    outputs_ = DeviceBuffer();
    outputs_ = DeviceBuffer(bytes);
  }
  std::vector<float*> pointers;
  std::byte* next = outputs_.data();
  for (const OutputPlace& output : current().outputs) {
    pointers.push_back(output.tensor ? nullptr : reinterpret_cast<float*>(next));
    if (!output.tensor) next += (output.bytes + 255) / 256 * 256;
  }
  return pointers;
}

void CudaSession::run(const void* input, const std::vector<float*>& outputs) {
  const ShapeBinding& b = current();
  if (std::exchange(foreign_, false)) check(cudaStreamWaitEvent(stream_, done_), "run");
  const size_t bytes = input_bytes();
  const void* source = input;
  if (bytes <= kPinnedBytes && !is_pinned(input)) {
    source = std::memcpy(pinned_input_.reserve(bytes), input, bytes);
  }
  void* device_input = staged_input();
  const std::vector<float*> staged = staged_outputs();
  set_slots(device_input, staged, stream_);
  check(cudaMemcpyAsync(device_input, source, bytes, cudaMemcpyHostToDevice, stream_), "input");
  profiling_ ? run_profiled() : enqueue(stream_);
  size_t total = 0;
  for (const OutputPlace& output : b.outputs) total += output.bytes;
  auto* pinned = static_cast<std::byte*>(pinned_output_.reserve(total));
  size_t at = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const void* from = b.outputs[i].tensor ? static_cast<const void*>(b.outputs[i].tensor) : staged[i];
    check(cudaMemcpyAsync(pinned + at, from, b.outputs[i].bytes, cudaMemcpyDeviceToHost, stream_), "output");
    at += b.outputs[i].bytes;
  }
  check(cudaStreamSynchronize(stream_), "run");
  at = 0;
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::memcpy(outputs[i], pinned + at, b.outputs[i].bytes);
    at += b.outputs[i].bytes;
  }
}

void CudaSession::run_device(const void* input, const std::vector<float*>& outputs, void* stream) {
  auto* const on = static_cast<cudaStream_t>(stream);
  const ShapeBinding& b = current();
  check(cudaStreamWaitEvent(on, done_), "run");
  if (!foreign_) {  // what run() and bind() enqueued
    check(cudaEventRecord(done_, stream_), "run");
    check(cudaStreamWaitEvent(on, done_), "run");
  }
  set_slots(input, outputs, on);
  enqueue(on);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (b.outputs[i].tensor == nullptr) continue;
    check(cudaMemcpyAsync(outputs[i], b.outputs[i].tensor, b.outputs[i].bytes, cudaMemcpyDeviceToDevice, on), "output");
  }
  check(cudaEventRecord(done_, on), "run");
  foreign_ = true;
}

std::vector<double> CudaSession::device_milliseconds(int64_t runs) {
  if (std::exchange(foreign_, false)) check(cudaStreamWaitEvent(stream_, done_), "run");
  set_slots(staged_input(), staged_outputs(), stream_);
  std::vector<cudaEvent_t> marks(static_cast<size_t>(runs) + 1);
  for (cudaEvent_t& mark : marks) check(cudaEventCreate(&mark), "event");
  check(cudaEventRecord(marks[0], stream_), "run");
  for (size_t i = 1; i < marks.size(); ++i) {
    enqueue(stream_);
    check(cudaEventRecord(marks[i], stream_), "run");
  }
  check(cudaStreamSynchronize(stream_), "run");
  std::vector<double> times;
  for (size_t i = 1; i < marks.size(); ++i) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, marks[i - 1], marks[i]), "event");
    times.push_back(milliseconds);
  }
  for (const cudaEvent_t mark : marks) static_cast<void>(cudaEventDestroy(mark));
  return times;
}

// Step by step outside the graph: an event between any two.
void CudaSession::run_profiled() {
  const ShapeBinding& b = current();
  while (events_.size() < b.steps.size() + 1) {
    events_.push_back(nullptr);
    check(cudaEventCreate(&events_.back()), "event");
  }
  check(cudaEventRecord(events_[0], stream_), "profile");
  for (size_t i = 0; i < b.steps.size(); ++i) {
    b.launch(*plan_, i, stream_);
    check(cudaEventRecord(events_[i + 1], stream_), "profile");
  }
  check(cudaStreamSynchronize(stream_), "profile");
  for (size_t i = 0; i < b.steps.size(); ++i) {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, events_[i], events_[i + 1]), "profile");
    seconds_[i] += b.steps[i].launch ? 1e-3 * milliseconds : 0.0;
  }
  ++profiled_runs_;
}

void CudaSession::set_profiling(bool on) {
  profiling_ = on;
  profiled_runs_ = on ? 0 : profiled_runs_;
  if (on) seconds_.assign(seconds_.size(), 0.0);
}

std::vector<double> CudaSession::step_seconds() const {
  std::vector<double> mean = seconds_;
  for (double& seconds : mean) seconds /= static_cast<double>(std::max<int64_t>(profiled_runs_, 1));
  return mean;
}

std::vector<std::string> CudaSession::step_kernels() const {
  std::vector<std::string> names;
  for (const BoundStep& step : current().steps) names.push_back(step.kernel);
  return names;
}

std::vector<float> CudaSession::tensor(int32_t id) const {
  if (!options_.keep_tensors) fail(Code::kUsage, "[engine] tensors are kept only on request");
  const ShapeBinding& b = current();
  const engine::PlanTensor& t = plan_->tensors.at(static_cast<size_t>(id));
  const engine::Extents& e = b.extents.at(static_cast<size_t>(id));
  std::vector<std::byte> host(tensor_bytes(t, e));
  check(cudaDeviceSynchronize(), "tensor");
  check(
      cudaMemcpy(host.data(), b.memory.at(static_cast<size_t>(id)),
                 static_cast<size_t>(e.pixels() * tensor_pitch(t) * element_bytes(t.storage)), cudaMemcpyDeviceToHost),
      "tensor");
  return engine::to_nchw(t, e, tensor_pitch(t), host.data());
}

}  // namespace qat::cuda
