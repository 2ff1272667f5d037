// Additions of stored results: joined to their layer where nothing else reads it, and the same integers come out.
#include "engine/compile/join_adds.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/compile/test_networks.h"
#include "ir/interpret.h"

namespace qat::engine {
namespace {

using ir::Op;
using ir::ValueId;

struct Builder {
  ir::Graph g;
  ValueId x = g.add_input("input", {ir::kDynamic, 9, ir::kDynamic, ir::kDynamic});

  ValueId quantizer(const std::string& name, ValueId value, float amax, int lo = -128) {
    const ValueId range = g.add_parameter(name + "._amax", Tensor::from<float>({amax}, {1}));
    return g.add_node(Op::kFakeQuant, name, {value, range}, ir::FakeQuantAttrs{.lo = lo});
  }

  // 1x1, 9 channels to 9.
  ValueId conv(const std::string& name, ValueId value, uint64_t seed) {
    Tensor weight = test::random_images({9, 9, 1, 1}, seed);
    const ValueId w = g.add_parameter(name + ".weight", std::move(weight));
    return g.add_node(Op::kConv, name, {value, quantizer(name + ".w", w, 4, -127)}, ir::ConvAttrs{});
  }
};

int64_t count_of(const Plan& plan, StepOp op) {
  return std::count_if(plan.steps.begin(), plan.steps.end(), [&](const Step& s) { return s.op == op; });
}

void expect_equal_with(const Builder& b, int64_t convolutions, int64_t additions) {
  const Plan plan = test::build_int8(b.g, {1, 9, 1, 1}, {2, 9, 5, 7});
  EXPECT_EQ(count_of(plan, StepOp::kConv), convolutions);
  EXPECT_EQ(count_of(plan, StepOp::kAdd), additions);
  PassContext context;
  const Tensor images = test::random_images({2, 9, 5, 7}, 3);
  const Tensor expected = ir::interpret(run_passes(b.g, {}, context), {images}).outputs[0];
  test::expect_equal(expected.data<float>(), test::run_engine(plan, images, 1), "joined");
}

TEST(JoinAdds, TheResultAsEitherOperand) {
  for (const bool first : {true, false}) {
    Builder b;
    const ValueId start = b.quantizer("q0", b.x, 3);
    const ValueId made = b.quantizer("q1", b.conv("conv", start, 1), 11);
    const ValueId sum = b.g.add_node(Op::kAdd, "add", first ? std::vector{made, start} : std::vector{start, made});
    b.g.outputs = {b.quantizer("q2", b.g.add_node(Op::kRelu, "relu", {sum}), 12)};
    expect_equal_with(b, 1, 0);
  }
}

TEST(JoinAdds, OfTwoResultsTheLaterOne) {
  Builder b;
  const ValueId start = b.quantizer("q0", b.x, 3);
  const ValueId left = b.quantizer("q1", b.conv("left", start, 1), 11);
  const ValueId clipped = b.g.add_node(Op::kRelu, "clip", {b.conv("right", start, 2)});
  const ValueId sum = b.g.add_node(Op::kAdd, "add", {left, b.quantizer("q2", clipped, 9)});
  b.g.outputs = {b.quantizer("q3", sum, 12)};
  expect_equal_with(b, 2, 0);
}

TEST(JoinAdds, NotWhereOthersReadTheResult) {
  Builder b;
  const ValueId start = b.quantizer("q0", b.x, 3);
  const ValueId made = b.quantizer("q1", b.conv("conv", start, 1), 11);
  const ValueId sum = b.quantizer("q2", b.g.add_node(Op::kAdd, "add", {made, start}), 12);
  b.g.outputs = {b.quantizer("q3", b.g.add_node(Op::kAdd, "again", {sum, made}), 13)};
  expect_equal_with(b, 1, 2);
}

}  // namespace
}  // namespace qat::engine
