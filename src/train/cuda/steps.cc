// Eager once, captured then: see steps.h.
#include "train/cuda/steps.h"

#include "data/normalize.h"
#include "train/cuda/check.h"
#include "train/cuda/nccl.h"
#include "train/cuda/timeline.h"
#include "train/learner.h"

namespace qat::train::cuda {

namespace {

constexpr size_t kQueued = 2;  // steps ahead of the host's knowledge: enough to hide the host, few enough to stop soon

ProgramOptions program_options(const config::Options& options, Exchange* exchange) {
  return {.module = module_options(options), .train = options.train, .exchange = exchange};
}

template <class T>
T* block(const at::Tensor& bytes) {
  return reinterpret_cast<T*>(bytes.data_ptr<uint8_t>());
}

std::vector<std::string> names_of(const Averages& average) {
  std::vector<std::string> names;
  for (const auto& [name, values] : average) names.push_back(name);
  return names;
}

}  // namespace

CudaSteps::CudaSteps(GraphModule& module, const config::Options& options, const Averages& average, Group* group,
                     bool capture)
    : options_(options),
      capture_(capture),
      stream_(c10::cuda::getStreamFromPool(true)),
      group_(group),
      pool_(at::cuda::graph_pool_handle()) {
  guarded([&] {
    // The same algorithms in every process, so that a resumed run is the run: 1 % slower than the fastest measured
    // ones.
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setDeterministicCuDNN(true);
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    const Target target{.kernels = device_kernels(), .device = stream_.device(), .stream = stream_.stream()};
    scalars_ = at::zeros({sizeof(StepScalars)}, target.bytes());
    outputs_ = at::zeros({sizeof(StepOutputs)}, target.bytes());
    if (group != nullptr) exchange_ = make_nccl_exchange(*group);
    program_ = std::make_unique<Program>(module.graph(), module.parameters(), names_of(average),
                                         program_options(options, exchange_.get()), target);
    const ir::Graph& graph = module.graph();
    const int64_t channels = graph.value(graph.inputs[0]).dims.at(1);
    feed_ = std::make_unique<Feed>(data::normalization_table(channels, options.data.mean, options.data.std),
                                   program_->target());
    outcomes_ = std::make_unique<Outcomes>(*program_);
  });
}

std::vector<StepOutcome> CudaSteps::step(const data::Batch& batch, const StepSettings& settings) {
  return guarded([&] {
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    last_ = {Feed::input_shape(batch), settings.freeze_bn, settings.all_images};
    Shape& shape = shapes_[last_];
    if (!shape.input.pixels.defined()) {
      shape.input = Feed::make_input(batch, program_->target());
    }
    ++taken_;
    feed_->deliver(batch, program_->classes(), program_->updates().scalars(settings.lr, taken_, settings.step),
                   shape.input, block<StepScalars>(scalars_));
    at::Generator generator = at::globalContext().defaultGenerator(stream_.device());
    generator.set_current_seed(dropout_seed(options_.train.seed, settings.step, group_));
    run(shape, last_);
    const int64_t images = settings.all_images > 0 ? settings.all_images : batch.size();
    outcomes_->expect(block<StepOutputs>(outputs_), settings.step, images, stream_.stream());
    // Ranks have to learn of the same steps at the same time.
    return outcomes_->take(kQueued, group_ == nullptr ? Outcomes::When::kDone : Outcomes::When::kDue);
  });
}

ProgramBatch CudaSteps::batch_of(const Shape& shape, const Key& key) const {
  return {.input = shape.input.pixels,
          .labels = shape.input.labels,
          .scalars = block<StepScalars>(scalars_),
          .outputs = block<StepOutputs>(outputs_),
          .bn_frozen = key.bn_frozen,
          .all_images = key.all_images};
}

void CudaSteps::run(Shape& shape, const Key& key) {
  const ProgramBatch batch = batch_of(shape, key);
  if (!capture_ || shape.runs++ == 0) return program_->run(batch);
  if (shape.captured.graph == nullptr) shape.captured = capture(batch);
  shape.captured.graph->replay();
}

CudaSteps::Captured CudaSteps::capture(const ProgramBatch& batch) {
  check(cudaStreamSynchronize(stream_.stream()), "step");
  c10::cuda::CUDACachingAllocator::emptyCache();
  Captured captured{.graph = std::make_unique<at::cuda::CUDAGraph>(), .table = program_->weights().empty_table()};
  ProgramBatch with_table = batch;
  with_table.captured_table = captured.table;
  captured.graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
  program_->run(with_table);
  captured.graph->capture_end();
  program_->weights().publish(captured.table);
  return captured;
}

std::map<std::string, double> CudaSteps::profile() {
  return guarded([&] {
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    EventTimeline timeline(stream_.stream());
    ProgramBatch batch = batch_of(shapes_.at(last_), last_);
    batch.timeline = &timeline;
    const Captured captured = capture(batch);
    captured.graph->replay();
    check(cudaStreamSynchronize(stream_.stream()), "step");
    return timeline.milliseconds();
  });
}

std::vector<StepOutcome> CudaSteps::finish() {
  return guarded([&] { return outcomes_->take(0, Outcomes::When::kDone); });
}

void CudaSteps::load(const ir::Graph& graph, const OptimizerState& optimizer, const Averages& average) {
  guarded([&] {
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    program_->leaves().load(graph, optimizer, average);
    taken_ = optimizer.step;
  });
}

void CudaSteps::store(ir::Graph& graph, OptimizerState& optimizer, Averages& average) {
  guarded([&] {
    const c10::cuda::CUDAStreamGuard on_stream(stream_);
    program_->leaves().store(graph, optimizer, average);
    optimizer.step = taken_;
  });
}

}  // namespace qat::train::cuda
