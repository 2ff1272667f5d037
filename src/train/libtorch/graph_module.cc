// Leaves share the graph's buffers; two lists of steps, for training and for evaluation: see train/graph_module.h.
#include "train/graph_module.h"

#include <ATen/Version.h>
#include <torch/version.h>

#include "base/threads.h"
#include "ir/shapes.h"
#include "quant/placement.h"
#include "train/device.h"
#include "train/distributed/c10d/gradients.h"
#include "train/libtorch/exact_math.h"
#include "train/libtorch/exact_steps.h"
#include "train/libtorch/fake_quant_step.h"
#include "train/libtorch/memory.h"
#include "train/libtorch/module_input.h"
#include "train/libtorch/steps.h"

namespace qat::train {

namespace {

Tensor to_host(const at::Tensor& t) {
  const at::Tensor dense = t.detach().to(at::kCPU).contiguous().to(at::kFloat);
  Tensor out(DType::kF32, dense.sizes().vec());
  std::copy_n(dense.const_data_ptr<float>(), out.size(), out.data<float>().begin());
  return out;
}

// LibTorch's errors as ours: one line, without its stack.
template <class Body>
auto guarded(const Body& body) {
  try {
    return body();
  } catch (const c10::Error& error) {
    std::string text = error.what_without_backtrace();
    text = text.substr(0, text.find('\n'));
    if (text.find("alloc") != std::string::npos && text.find("memory") != std::string::npos) {
      fail(Code::kOutOfMemory, "[LibTorch] ", text, "; lower TRAIN.BATCH, TEST.BATCH or QUANT.BATCH");
    }
    fail(Code::kFailure, "[LibTorch] ", text);
  }
}

at::Device device_of(const std::string& name) {
  DevicePlugin* device = device_plugin(name);
  return device == nullptr ? at::Device(at::kCPU)
                           : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device->index()));
}

}  // namespace

struct GraphModule::Impl {
  ir::Graph graph;
  ModuleOptions options;
  at::Device device;  // of evaluation
  ModuleInput input;
  RunState state;
  Frame leaves;         // parameters, buffers; undefined elsewhere
  Frame device_leaves;  // their copies for evaluation on another device; empty until needed
  std::vector<Step> train_steps, eval_steps;
  bool quantized;
  std::unique_ptr<ExactPlan> exact;  // of a quantized graph, made when first evaluated; dropped when weights change
  std::vector<std::pair<ParamKind, ir::ValueId>> parameters;
  std::vector<std::span<float>> statistics;  // running ones, of all BatchNorms
  std::unique_ptr<Gradients> gradients;      // of several ranks, from the first step on

  Impl(ir::Graph g, const ModuleOptions& o)
      : graph(std::move(g)),
        options(o),
        device(device_of(o.device)),
        input(o.mean, o.std),
        leaves(graph.values.size()) {
    if (graph.inputs.size() != 1 || graph.outputs.size() != 1) {
      fail(Code::kBadFile, "[", graph.name, "] expected one input and one output, got ", graph.inputs.size(), " and ",
           graph.outputs.size());
    }
    quantized = quant::is_quantized(graph);
    make_leaves();
    for (const ir::Node& node : graph.nodes) {
      if (node.op != ir::Op::kBatchNorm) continue;
      for (const size_t k : {3, 4}) statistics.push_back(graph.value(node.inputs[k]).data.data<float>());
    }
    train_steps = make_steps(graph, step_options());
    StepOptions eval = step_options();
    eval.ranges = RangeMode::kFixed;
    eval.weight_ranges = WeightRangeMode::kFixed;
    eval_steps = make_steps(graph, eval);
  }

  StepOptions step_options() {
    return {.ranges = options.ranges, .weight_ranges = options.weight_ranges, .state = &state, .observe = {}};
  }

  void make_leaves() {
    std::vector<ParamKind> kinds(graph.values.size(), ParamKind::kWeight);
    std::vector<bool> trained(graph.values.size(), false);
    for (const ir::Node& node : graph.nodes) mark(node, kinds, trained);
    for (size_t i = 0; i < graph.values.size(); ++i) {
      ir::Value& value = graph.values[i];
      if (value.role == ir::Role::kActivation || value.type != DType::kF32) continue;
      leaves[i] = at::from_blob(value.data.raw(), value.data.shape(), at::TensorOptions().dtype(at::kFloat));
      if (trained[i]) {
        leaves[i].requires_grad_(true);
        parameters.emplace_back(kinds[i], static_cast<ir::ValueId>(i));
      }
    }
  }

  void mark(const ir::Node& node, std::vector<ParamKind>& kinds, std::vector<bool>& trained) const {
    for (size_t k = 0; k < node.inputs.size(); ++k) {
      const ir::ValueId id = node.inputs[k];
      if (id == ir::kNone || !graph.has_data(id)) continue;
      const auto i = static_cast<size_t>(id);
      if (node.op == ir::Op::kFakeQuant && k > 0) {
        const bool weight = graph.has_data(node.inputs[0]);
        kinds[i] = ParamKind::kRange;
        trained[i] = k == 1 && (weight ? options.weight_ranges == WeightRangeMode::kLearned
                                       : options.ranges == RangeMode::kLearned);
      } else {
        trained[i] = graph.values[i].role == ir::Role::kParameter;
        if (node.op == ir::Op::kBatchNorm) kinds[i] = ParamKind::kNorm;
        if (k == 2 && node.op != ir::Op::kBatchNorm) kinds[i] = ParamKind::kBias;
      }
    }
  }

  const Frame& evaluation_leaves() {
    if (device.is_cpu()) return leaves;
    if (device_leaves.empty()) {
      for (const at::Tensor& leaf : leaves) {
        device_leaves.push_back(leaf.defined() ? leaf.detach().to(device) : leaf);
      }
    }
    return device_leaves;
  }

  // visit(step, output) after each step. `of`: the graph whose steps they are.
  template <class Visit>
  static at::Tensor run(const ir::Graph& of, Frame frame, const std::vector<Step>& steps, const at::Tensor& input,
                        const Visit& visit) {
    frame[static_cast<size_t>(of.inputs[0])] = input;
    for (const Step& step : steps) {
      at::Tensor& out = frame[static_cast<size_t>(step.output)];
      out = step.run(frame);
      visit(step, out);
      for (ir::ValueId id : step.last_used) frame[static_cast<size_t>(id)] = at::Tensor();
    }
    return frame[static_cast<size_t>(of.outputs[0])];
  }

  // Evaluation on the device.
  template <class Visit>
  at::Tensor evaluate(const std::vector<Step>& steps, const Tensor& images, const Visit& visit) {
    const ExactMath math(false);
    return run(graph, evaluation_leaves(), steps, input(images, device), visit);
  }

  void forget() {
    exact.reset();
    device_leaves.clear();
  }

  StepResult train_step(const TrainBatch& batch);
  void backward(const at::Tensor& loss);

  at::Tensor evaluate(const Tensor& images) {
    const at::NoGradGuard no_gradients;
    state.training = false;
    const auto nothing = [](const Step&, const at::Tensor&) {};
    if (!quantized) return evaluate(eval_steps, images, nothing);
    if (!exact) exact = make_exact_plan(graph, device);
    const ExactMath math(true);
    const ir::ValueId output = exact->graph.outputs[0];
    const at::Tensor logits = run(exact->graph, exact->leaves, exact->steps, input(images, device), nothing);
    return at::mul(logits, at::Scalar(static_cast<double>(exact->units[static_cast<size_t>(output)])));
  }
};

GraphModule::GraphModule(ir::Graph graph, const ModuleOptions& options) {
  keep_freed_memory();
  at::set_num_threads(options.threads > 0 ? options.threads : usable_cpus());
  impl_ = std::make_unique<Impl>(std::move(graph), options);
}

GraphModule::~GraphModule() = default;
GraphModule::GraphModule(GraphModule&&) noexcept = default;

ir::Graph& GraphModule::graph() { return impl_->graph; }
const ir::Graph& GraphModule::graph() const { return impl_->graph; }

const std::string& GraphModule::not_finite() const { return impl_->state.not_finite; }

StepResult GraphModule::train_step(const TrainBatch& batch) {
  return guarded([&] { return impl_->train_step(batch); });
}

StepResult GraphModule::Impl::train_step(const TrainBatch& batch) {
  Impl& m = *this;
  m.forget();
  Group* const group = m.options.group;
  m.state = {.training = true,
             .bn_frozen = batch.freeze_bn,
             .sync_bn = m.options.sync_bn ? group : nullptr,
             .peaks = {},
             .not_finite = {}};
  for (const auto& [kind, id] : m.parameters) m.leaves[static_cast<size_t>(id)].mutable_grad() = at::Tensor();
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
  generator.set_current_seed(batch.dropout_seed);

  const at::Tensor logits =
      run(m.graph, m.leaves, m.train_steps, m.input(batch.images, at::kCPU), [](const Step&, const at::Tensor&) {});
  const int64_t classes = logits.size(1);
  at::Tensor labels = at::empty({static_cast<int64_t>(batch.labels.size())}, at::TensorOptions().dtype(at::kLong));
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] < 0 || batch.labels[i] >= classes) {
      fail(Code::kBadFile, "[MODEL.CLASSES] expected labels below ", classes, ", got ", batch.labels[i],
           "; set MODEL.CLASSES to the data's number of classes");
    }
    labels.mutable_data_ptr<int64_t>()[i] = batch.labels[i];
  }
  const at::Tensor loss = at::cross_entropy_loss(logits, labels, {}, at::Reduction::Mean, -100, batch.label_smoothing);
  if (m.options.ranges == RangeMode::kMoving) {
    const std::string range = move_ranges(group, m.state.peaks, m.options.range_momentum);
    if (m.state.not_finite.empty()) m.state.not_finite = range;
  }
  const double share =
      batch.all_images == 0 ? 1.0 : static_cast<double>(batch.labels.size()) / static_cast<double>(batch.all_images);
  m.backward(share == 1.0 ? loss : at::mul(loss, at::Scalar(share)));
  if (group != nullptr && !m.options.sync_bn && !batch.freeze_bn) average(*group, m.statistics);
  StepResult result{.loss = loss.item<double>() * share};
  result.correct = logits.detach().argmax(1).eq(labels).sum().item<int64_t>();
  return result;
}

void GraphModule::Impl::backward(const at::Tensor& loss) {
  if (options.group == nullptr) return torch::autograd::backward({loss}, {});
  if (gradients == nullptr) {
    std::vector<std::pair<std::string, at::Tensor>> named;
    for (const auto& [kind, id] : parameters) {
      named.emplace_back(graph.value(id).name, leaves[static_cast<size_t>(id)]);
    }
    gradients = std::make_unique<Gradients>(*options.group, named);
  }
  gradients->backward(loss);
}

Tensor GraphModule::logits(const Tensor& images) {
  return guarded([&] { return to_host(impl_->evaluate(images)); });
}

void GraphModule::observe(const Tensor& images, const RangeObserver& observe) {
  Impl& m = *impl_;
  const at::NoGradGuard no_gradients;
  m.state.training = false;
  std::vector<size_t> order(m.graph.nodes.size(), 0);
  size_t count = 0;
  for (ir::NodeId id : quant::activation_quantizers(m.graph)) order[static_cast<size_t>(id)] = count++;
  StepOptions options = m.step_options();
  options.quantize = false;
  options.observe = [&](ir::NodeId id, const at::Tensor& x) {
    const at::Tensor dense = x.is_non_overlapping_and_dense() ? x : x.contiguous();
    observe(order[static_cast<size_t>(id)], {dense.const_data_ptr<float>(), static_cast<size_t>(dense.numel())});
  };
  const auto steps = make_steps(m.graph, options);
  guarded([&] { m.evaluate(steps, images, [](const Step&, const at::Tensor&) {}); });
}

std::map<std::string, Tensor> GraphModule::layers(const Tensor& images) {
  Impl& m = *impl_;
  const at::NoGradGuard no_gradients;
  m.state.training = false;
  StepOptions options = m.step_options();
  options.fuse = false;
  options.ranges = RangeMode::kFixed;
  options.weight_ranges = WeightRangeMode::kFixed;
  std::map<std::string, Tensor> result;
  guarded([&] {
    m.evaluate(make_steps(m.graph, options), images,
               [&](const Step& step, const at::Tensor& out) { result[step.name] = to_host(out); });
  });
  return result;
}

std::vector<ParamView> GraphModule::parameters() {
  std::vector<ParamView> views;
  for (const auto& [kind, id] : impl_->parameters) {
    ir::Value& value = impl_->graph.value(id);
    ParamView view{.name = value.name, .kind = kind, .data = value.data.data<float>(), .gradient = {}};
    at::Tensor& leaf = impl_->leaves[static_cast<size_t>(id)];
    if (leaf.grad().defined()) {
      if (!leaf.grad().is_contiguous()) leaf.mutable_grad() = leaf.grad().contiguous();
      view.gradient = {leaf.grad().const_data_ptr<float>(), view.data.size()};
    }
    views.push_back(std::move(view));
  }
  return views;
}

void GraphModule::weights_changed() {
  impl_->forget();
  if (impl_->options.weight_ranges != WeightRangeMode::kStep) return;
  for (ir::NodeId id : quant::weight_quantizers(impl_->graph)) {
    const ir::Node& node = impl_->graph.nodes[static_cast<size_t>(id)];
    measure_range(quantizer_of(impl_->graph, node), impl_->leaves[static_cast<size_t>(node.inputs[0])]);
  }
}

void for_shares(int64_t n, int shares, const std::function<void(int64_t begin, int64_t end, int share)>& body) {
  at::parallel_for(0, shares, 1, [&](int64_t first, int64_t last) {
    for (int64_t s = first; s < last; ++s) body(n * s / shares, n * (s + 1) / shares, static_cast<int>(s));
  });
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace qat::train
