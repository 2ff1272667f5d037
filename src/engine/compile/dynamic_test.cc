// One engine of open shapes equals one engine a shape, bit for bit, at the three shapes the issue of exactness names.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/compile/test_networks.h"
#include "zoo/zoo.h"

namespace qat::engine {
namespace {

// The largest shape takes seconds a network: all of the zoo with QAT_SLOW_TESTS only.
std::vector<std::string> networks() {
  if (std::getenv("QAT_SLOW_TESTS") == nullptr) return {"mobilenet_v2"};
  std::vector<std::string> names = zoo::names();
  std::erase_if(names, test::fixed_size);
  return names;
}

class DynamicEngines : public testing::TestWithParam<std::string> {};

TEST_P(DynamicEngines, EqualStaticOnes) {
  const ir::Graph graph = test::quantized_network(GetParam());
  const Plan dynamic = test::build_int8(graph, {1, 3, 64, 64}, {8, 3, 224, 224});
  const InputShape shapes[] = {{1, 3, 64, 64}, {3, 3, 97, 161}, {8, 3, 224, 224}};
  for (const InputShape& shape : shapes) {
    const Tensor images = test::random_images({shape[0], shape[1], shape[2], shape[3]}, 17);
    const std::vector<float> one = test::run_engine(test::build_int8(graph, shape, shape), images, 1);
    EXPECT_NE(*std::max_element(one.begin(), one.end()), *std::min_element(one.begin(), one.end()));
    test::expect_equal(one, test::run_engine(dynamic, images, 2), cat(GetParam(), " ", join(shape, "x")));
  }
}

INSTANTIATE_TEST_SUITE_P(All, DynamicEngines, testing::ValuesIn(networks()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace qat::engine
