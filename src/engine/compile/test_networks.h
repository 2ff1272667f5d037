// Small quantized networks for tests: random weights and BatchNorms (zero and negative gamma among them), ranges from
// the interpreter.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/compile/build.h"
#include "engine/compile/passes.h"
#include "quant/placement.h"

namespace qat::engine::test {

std::vector<std::string> network_names();
bool fixed_size(const std::string& name);  // height and width are part of the network

// Float, with random parameters.
ir::Graph float_network(const std::string& name);

// The same with quantizers whose ranges are the largest values of one random batch.
ir::Graph quantized_network(const std::string& name);
ir::Graph quantize_by_interpreter(const ir::Graph& graph, const Shape& shape,
                                  const quant::PlacementOptions& options = {});

Tensor random_images(const Shape& shape, uint64_t seed);

Plan build_int8(const ir::Graph& graph, const InputShape& min, const InputShape& max);

// The first output for a batch of images.
std::vector<float> run_engine(const Plan& plan, const Tensor& images, int threads);
void expect_equal(std::span<const float> expected, std::span<const float> got, const std::string& what);

}  // namespace qat::engine::test
