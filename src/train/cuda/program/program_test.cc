// The program on the host, over the kernels' twins, against the module on LibTorch's autograd.
#include "train/cuda/program/program.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "data/normalize.h"
#include "quant/placement.h"
#include "train/learner.h"
#include "zoo/zoo.h"

namespace qat::train::cuda {
namespace {

struct Case {
  const char* name;
  const char* net;
  int64_t channels, size;
  bool quantized;
  const char *ranges, *weight_ranges;
  bool freeze_bn;
};

// 8 images of noise, the class a tint that a network can learn.
data::Batch batch_of(const Case& c) {
  data::Batch batch{.images = Tensor(DType::kU8, {8, c.size, c.size, c.channels}), .labels = {}, .indices = {}};
  Random random(7);
  for (uint8_t& x : batch.images.data<uint8_t>()) x = static_cast<uint8_t>(random.below(256));
  for (int64_t i = 0; i < 8; ++i) batch.labels.push_back(random.below(10));
  return batch;
}

config::Options options_of(const Case& c) {
  config::Options o;
  o.train.ranges = c.ranges, o.train.weight_ranges = c.weight_ranges, o.train.range_momentum = 0.1;
  o.train.threads = 1, o.train.label_smoothing = 0.1, o.train.decay_norm_bias = false;
  o.data.mean = {0.4}, o.data.std = {0.3};
  return o;
}

ir::Graph graph_of(const Case& c) {
  ir::Graph net = zoo::build(c.net, {.in_channels = c.channels, .classes = 10, .height = c.size, .width = c.size});
  zoo::initialize(net, 3);
  if (!c.quantized) return net;
  ir::Graph placed = quant::place(net, {});
  for (ir::NodeId id : quant::activation_quantizers(placed)) {
    placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()[0] = 3.0f;
  }
  for (ir::NodeId id : quant::weight_quantizers(placed)) {
    for (float& range : placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()) range = 0.2f;
  }
  return placed;
}

// One step of the program on the host.
class HostRun {
 public:
  HostRun(const Case& c, Type type, const config::Options& options)
      : module_(graph_of(c), module_options(options)),
        target_{.kernels = twin_kernels(), .device = at::kCPU, .type = type},
        program_(module_.graph(), module_.parameters(), {}, {.module = module_options(options), .train = options.train},
                 target_) {
    program_.leaves().load(module_.graph(), {}, {});
  }

  StepOutputs step(const data::Batch& batch, bool freeze_bn, int64_t index) {
    const Shape& s = batch.images.shape();
    at::Tensor input = at::empty({s[0], s[3], s[1], s[2]}, target_.activation(), at::MemoryFormat::ChannelsLast);
    at::Tensor labels = at::empty({s[0]}, at::TensorOptions().dtype(at::kLong));
    std::copy(batch.labels.begin(), batch.labels.end(), labels.mutable_data_ptr<int64_t>());
    std::vector<float> table;
    for (const auto& row : data::normalization_table(s[3], {0.4}, {0.3}))
      table.insert(table.end(), row.begin(), row.end());
    twin_kernels().make_batch({.n = s[0],
                               .height = s[1],
                               .width = s[2],
                               .channels = s[3],
                               .out_height = s[1],
                               .out_width = s[2],
                               .out_channels = input.size(1),
                               .type = target_.type,
                               .images = batch.images.data<uint8_t>().data(),
                               .table = table.data(),
                               .y = input.mutable_data_ptr()},
                              nullptr);
    const StepScalars scalars = program_.updates().scalars(0.1, index + 1, index);
    program_.run({.input = input, .labels = labels, .scalars = &scalars, .outputs = &outputs_, .bn_frozen = freeze_bn});
    return outputs_;
  }

  Program& program() { return program_; }
  GraphModule& module() { return module_; }

  // Everything that a checkpoint would hold.
  const ir::Graph& stored() {
    OptimizerState optimizer;
    Averages average;
    program_.leaves().store(module_.graph(), optimizer, average);
    return module_.graph();
  }

 private:
  GraphModule module_;
  Target target_;
  Program program_;
  StepOutputs outputs_;
};

// |a - b| / |b|; b no longer than 1e-3 is as good as 0: a bias in front of a BatchNorm.
double apart(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / std::max(size, 1e-6));
}

const Case kCases[] = {
    {"float", "resnet8", 1, 14, false, "fixed", "fixed", false},
    {"float, frozen statistics", "resnet8", 3, 13, false, "fixed", "fixed", true},
    {"fixed ranges", "resnet8", 3, 13, true, "fixed", "fixed", false},
    {"moving ranges", "resnet8", 3, 14, true, "moving", "step", false},
    {"learned ranges", "resnet8", 1, 13, true, "learned", "learned", false},
    {"depthwise", "mobilenet_v2", 3, 40, false, "fixed", "fixed", false},
};

TEST(Program, GradientsEqualAutograds) {
  for (const Case& c : kCases) {
    const data::Batch batch = batch_of(c);
    HostRun run(c, Type::kF32, options_of(c));
    GraphModule module(graph_of(c), module_options(options_of(c)));
    const StepResult want = module.train_step(
        {.images = batch.images, .labels = batch.labels, .label_smoothing = 0.1f, .freeze_bn = c.freeze_bn});
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU);
    generator.set_current_seed(0);  // of train_step's dropout
    const StepOutputs got = run.step(batch, c.freeze_bn, 0);
    EXPECT_EQ(got.status, 0) << c.name;
    EXPECT_EQ(got.correct, want.correct) << c.name;
    // A value within an ulp of a tie may be rounded the other way: one step of one quantizer.
    // Statistics over 32 values amplify the last bits of sums made in another order.
    const double tolerance = c.quantized ? 2e-2 : std::string(c.net) == "mobilenet_v2" ? 5e-3 : 2e-4;
    EXPECT_NEAR(got.loss, want.loss, (c.quantized ? 1e-3 : 1e-5) * want.loss) << c.name;
    for (const ParamView& view : module.parameters()) {
      if (view.name == "fc._input_quantizer._amax") continue;  // means of a few integers: every other value is a tie
      const std::vector<float> gradient = run.program().leaves().host_gradient(module.graph().find_value(view.name));
      EXPECT_LE(apart(gradient, view.gradient), tolerance) << c.name << ": " << view.name;
    }
  }
}

TEST(Program, StepsEqualTheLearners) {
  for (const Case& c : kCases) {
    if (std::string(c.net) != "resnet8" || c.freeze_bn) continue;
    const data::Batch batch = batch_of(c);
    config::Options options = options_of(c);
    for (const char* optimizer : {"sgd", "adamw"}) {
      options.train.optimizer = optimizer;
      Learner learner(graph_of(c), options);
      HostRun run(c, Type::kF32, options);
      learner.step(batch, {.step = 0, .lr = 0.1});
      run.step(batch, false, 0);
      const ir::Graph& got = run.stored();
      for (size_t i = 0; i < got.values.size(); ++i) {
        const ir::Value& want = learner.graph().values[i];
        // The learner measures ranges that follow their weights when it saves, the program at the next step.
        if (want.role == ir::Role::kActivation || want.name.ends_with("_weight_quantizer._amax")) continue;
        // AdamW's first step is the gradient's sign: a gradient near 0 may have either.
        const double tolerance = std::string(optimizer) == "adamw" ? 5e-2 : 5e-3;
        EXPECT_LE(apart(got.values[i].data.data<float>(), want.data.data<float>()), tolerance)
            << c.name << ", " << optimizer << ": " << want.name;
      }
    }
  }
}

TEST(Program, LearnsInBf16) {
  Case c = kCases[3];
  HostRun run(c, Type::kBF16, options_of(c));
  const data::Batch batch = batch_of(c);
  const double first = run.step(batch, false, 0).loss;
  double last = first;
  for (int64_t i = 1; i < 12; ++i) last = run.step(batch, false, i).loss;
  EXPECT_LT(last, 0.6 * first);
}

TEST(Program, SaysWhereSomethingWasNotFiniteAndUpdatesNothing) {
  Case c = kCases[3];
  HostRun run(c, Type::kF32, options_of(c));
  const data::Batch batch = batch_of(c);
  run.step(batch, false, 0);
  const auto weight = [&] {
    return run.stored().value(run.module().graph().find_value("fc.weight")).data.data<float>()[0];
  };
  const float before = weight();
  ir::Graph broken = ir::clone(run.module().graph());
  broken.value(broken.find_value("bn1.weight")).data.data<float>()[0] = NAN;
  run.program().leaves().load(broken, {}, {});
  const StepOutputs outputs = run.step(batch, false, 1);
  ASSERT_NE(outputs.status, 0);
  EXPECT_EQ(run.program().place(outputs.status), "[conv1.weight] its gradient");
  EXPECT_EQ(weight(), before);
}

}  // namespace
}  // namespace qat::train::cuda
