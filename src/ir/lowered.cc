// Enters the lowered operators into the interpreter's table, before main.
#include "ir/lowered.h"

#include "ir/lowered_eval.h"

namespace qat::ir {

namespace {

const bool kRegistered = register_lowered_evaluations();

}  // namespace

bool register_lowered_evaluations() {
  eval_function(Op::kQuantize) = eval_quantize;
  eval_function(Op::kDequantize) = eval_dequantize;
  eval_function(Op::kQConv) = eval_q_conv;
  eval_function(Op::kQGemm) = eval_q_gemm;
  eval_function(Op::kFConv) = eval_f_conv;
  eval_function(Op::kFGemm) = eval_f_gemm;
  eval_function(Op::kQAdd) = eval_q_add;
  eval_function(Op::kQMul) = eval_q_mul;
  eval_function(Op::kQMaxPool) = eval_q_max_pool;
  eval_function(Op::kQAvgPool) = eval_q_avg_pool;
  eval_function(Op::kQGlobalAvgPool) = eval_q_global_avg_pool;
  eval_function(Op::kQConcat) = eval_q_concat;
  eval_function(Op::kQLut) = eval_q_lut;
  return true;
}

}  // namespace qat::ir
