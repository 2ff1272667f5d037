// Int8 steps: each looks its kernel up and fills in pointers. The arithmetic is the kernels'.
#include "base/error.h"
#include "engine/cuda/add/add.h"
#include "engine/cuda/concat/concat.h"
#include "engine/cuda/lut/lut.h"
#include "engine/cuda/mul/mul.h"
#include "engine/cuda/pool/pool.h"
#include "engine/cuda/session/bound_step.h"
#include "engine/cuda/session/layer.h"

namespace qat::cuda {

namespace {

const uint8_t* u8(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

// The kernel that the plan names; "" takes the table's first that fits.
template <class KernelType>
const KernelType& kernel_of(const BindContext& c, std::span<const KernelType> table,
                            const typename KernelType::Problem& problem) {
  const engine::Step& step = c.step();
  if (step.kernel.empty()) return choose(table, problem, c.capability);
  const KernelType* kernel = find_kernel(table, step.kernel);
  const auto where = [&] { return cat("[", name_of(step.op), " ", step.name, "] kernel ", step.kernel, " "); };
  if (kernel == nullptr || !runnable(kernel->min_capability, c.capability)) {
    fail(Code::kWrongMachine, where(), "is not in this build of qat; build the engine again: ", c.view.plan.rebuild);
  }
  if (const char* why = kernel->supports(problem)) fail(Code::kBadFile, where(), "does not do this layer: ", why);
  return *kernel;
}

struct BindLayer {
  const BindContext& c;

  template <class KernelType>
  BoundStep operator()(std::span<const KernelType> table, const typename KernelType::Problem& problem) const {
    const KernelType& kernel = kernel_of(c, table, problem);
    const int64_t k = c.view.out().channels;
    return bound(kernel, problem,
                 {.x = u8(c.in(0)),
                  .weights = c.blob(0, kernel.packed_bytes(problem)),
                  .multiplier = c.floats_blob(1, k),
                  .bias = c.floats_blob(2, k),
                  .skip = c.view.has_skip() ? u8(c.in(1)) : nullptr,
                  .y = c.out()});
  }
};

}  // namespace

BoundStep bind_conv(const BindContext& c) { return visit_layer(c.view, BindLayer{c}); }
BoundStep bind_gemm(const BindContext& c) { return visit_layer(c.view, BindLayer{c}); }

BoundStep bind_add(const BindContext& c) {
  const auto problem = add_problem(c.view);
  return bound(kernel_of(c, add_kernels(), problem), problem, {.a = u8(c.in(0)), .b = u8(c.in(1)), .y = c.out()});
}

BoundStep bind_mul(const BindContext& c) {
  const auto problem = mul_problem(c.view);
  return bound(kernel_of(c, mul_kernels(), problem), problem, {.a = u8(c.in(0)), .b = u8(c.in(1)), .y = c.out()});
}

BoundStep bind_pool(const BindContext& c) {
  const auto problem = pool_problem(c.view);
  return bound(kernel_of(c, pool_kernels(), problem), problem,
               {.x = u8(c.in(0)), .y = reinterpret_cast<uint8_t*>(c.out())});
}

BoundStep bind_lut(const BindContext& c) {
  const auto problem = lut_problem(c.view);
  return bound(kernel_of(c, lut_kernels(), problem), problem,
               {.x = u8(c.in(0)), .table = u8(c.blob(0, 256)), .y = reinterpret_cast<uint8_t*>(c.out())});
}

BoundStep bind_concat(const BindContext& c) {
  std::vector<const uint8_t*> x;
  for (size_t i = 0; i < c.step().inputs.size(); ++i) x.push_back(u8(c.in(i)));
  auto inputs = concat_inputs(c.view);
  auto problem = concat_problem(c.view, inputs);
  const ConcatKernel& kernel = kernel_of(c, concat_kernels(), problem);
  auto* y = reinterpret_cast<uint8_t*>(c.out());
  return {kernel.name, kernel.workspace_bytes(problem),
          [&kernel, problem, inputs, x, y](void* workspace, cudaStream_t stream) mutable {
            problem.inputs = inputs;
            return kernel.launch(problem, {.x = x.data(), .y = y}, workspace, stream);
          }};
}

}  // namespace qat::cuda
