// The program on the host, over the kernels' twins, against the module on LibTorch's autograd.
#include "train/cuda/program/program_testing.h"

namespace qat::train::cuda {
namespace {

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
