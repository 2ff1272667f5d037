// What the evaluations of lowered operators share: centred values of coded inputs, and storing a result.
#pragma once

#include "ir/evaluate.h"

namespace qat::ir {

// c(x) = q - zero point of a coded input.
inline std::vector<int32_t> centred(const EvalContext& c, size_t input) {
  const int z = c.graph.value(c.node.inputs[input]).quant->zero_point;
  std::vector<int32_t> values;
  for (const int32_t q : c.inputs[input]->data<int32_t>()) values.push_back(q - z);
  return values;
}

// Activates v and stores it at element i: coded where the output is, as float elsewhere.
class Store {
 public:
  Store(EvalContext& c, const Epilogue& epilogue) : epilogue_(epilogue), quant_(c.graph.value(c.node.output).quant) {
    if (quant_) q_ = c.output.data<int32_t>();
    if (!quant_) y_ = c.output.data<float>();
  }

  void operator()(size_t i, float v) const {
    v = activate(v, epilogue_.activation, epilogue_.p0, epilogue_.p1);
    if (!quant_) {
      y_[i] = v;
      return;
    }
    const int z = quant_->zero_point;
    q_[i] = round_clamp(v, quant_->lo - z, quant_->hi - z) + z;
  }

 private:
  Epilogue epilogue_;
  std::optional<QuantInfo> quant_;
  std::span<int32_t> q_;
  std::span<float> y_;
};

// Layers: lowered_layers.cc.
void eval_q_conv(EvalContext& c);
void eval_q_gemm(EvalContext& c);
void eval_f_conv(EvalContext& c);
void eval_f_gemm(EvalContext& c);

// The others: lowered_elementwise.cc.
void eval_quantize(EvalContext& c);
void eval_dequantize(EvalContext& c);
void eval_q_add(EvalContext& c);
void eval_q_mul(EvalContext& c);
void eval_q_max_pool(EvalContext& c);
void eval_q_avg_pool(EvalContext& c);
void eval_q_global_avg_pool(EvalContext& c);
void eval_q_concat(EvalContext& c);
void eval_q_lut(EvalContext& c);

}  // namespace qat::ir
