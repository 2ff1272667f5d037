// Fills the table of one instruction set from the kernel bodies.
#pragma once

#include "train/kernels/elementwise.h"
#include "train/kernels/kernels.h"
#include "train/kernels/norm_act.h"
#include "train/kernels/norm_backward.h"
#include "train/kernels/optimizer_step.h"

namespace qat::train {

template <class S>
constexpr Kernels make_table(Isa isa) {
  return {.isa = isa,
          .norm_act = norm_act<S>,
          .stats = stats<S>,
          .backward_reduce = backward_reduce<S>,
          .backward_apply = backward_apply<S>,
          .scale_gradient = scale_gradient<S>,
          .amax = amax<S>,
          .sum_squares = sum_squares<S>,
          .sgd = sgd_step<S>,
          .adamw = adamw_step<S>};
}

}  // namespace qat::train
