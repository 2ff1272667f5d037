// What the steps of the oneDNN plugin share: the engine, memory descriptors, attributes and a step around a primitive.
#pragma once

#include <dnnl.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/cpu/float_ops.h"

namespace qat::kernels::onednn {

const dnnl::engine& cpu_engine();

dnnl::memory::data_type type_of(FloatType type);
dnnl::memory::desc desc_of(const FloatTensor& t);

// oneDNN takes its threads from OpenMP, whose team belongs to the calling thread. With 1 no thread starts.
void use_threads(int threads);

// An activation as oneDNN names it; kNone is 1 * x + 0.
struct Eltwise {
  dnnl::algorithm kind;
  float alpha, beta;
};
Eltwise eltwise_of(const FloatEpilogue& epilogue);

// Scratch from the caller; the activation, after `binary` (a tensor added to the result) when given.
dnnl::primitive_attr attributes(const FloatEpilogue& epilogue, const dnnl::memory::desc* skip);

// Where a step's operands go: argument ids of oneDNN with their descriptors.
struct Binding {
  std::vector<std::pair<int, dnnl::memory::desc>> inputs;
  std::pair<int, dnnl::memory::desc> output;
  std::pair<int, dnnl::memory::desc> skip{0, {}};  // id 0: none
  std::vector<std::pair<int, dnnl::memory>> constants;
};

// A primitive with the memory objects of its operands, made once; run() only sets their addresses.
class Step : public FloatStep {
 public:
  Step(dnnl::primitive primitive, std::string kernel, const dnnl::memory::desc& scratch, const Binding& binding,
       int threads);

  std::string kernel() const override { return kernel_; }
  size_t scratch_bytes() const override { return scratch_bytes_; }
  void run(const FloatArgs& args, void* scratch) override;

 private:
  dnnl::primitive primitive_;
  std::string kernel_;
  size_t scratch_bytes_;
  int threads_;
  dnnl::stream stream_;
  std::vector<dnnl::memory> inputs_;
  dnnl::memory output_, skip_, scratch_;
  std::unordered_map<int, dnnl::memory> args_;
};

// Makes the step, and turns oneDNN's exceptions into Error(kFailure, "[what] ...").
template <class Body>
std::unique_ptr<FloatStep> guarded(const char* what, int threads, const Body& body) {
  try {
    use_threads(threads);
    return body();
  } catch (const dnnl::error& e) {
    fail(Code::kFailure, "[", what, "] oneDNN cannot do this step: ", e.message,
         "; build it in int8 or report the shape");
  }
}

std::unique_ptr<FloatStep> make_conv(const FloatConvProblem& p, const float* weights, const float* bias, int threads);
std::unique_ptr<FloatStep> make_pool(const FloatPoolProblem& p, int threads);
std::unique_ptr<FloatStep> make_binary(const FloatBinaryProblem& p, int threads);
std::unique_ptr<FloatStep> make_activation(const FloatActivationProblem& p, int threads);
std::unique_ptr<FloatStep> make_concat(const FloatConcatProblem& p, int threads);
std::unique_ptr<FloatStep> make_softmax(const FloatSoftmaxProblem& p, int threads);
std::unique_ptr<FloatStep> make_reorder(const FloatReorderProblem& p, int threads);

}  // namespace qat::kernels::onednn
