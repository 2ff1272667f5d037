// The table of the device kernels.
#include "train/cuda/kernels/device_kernels.h"

namespace qat::train::cuda {

const Kernels& device_kernels() {
  static constexpr Kernels kTable{.norm_act = device_norm_act,
                                  .dequantize = device_dequantize,
                                  .move_ranges = device_move_ranges,
                                  .stats = device_stats,
                                  .join_stats = device_join_stats,
                                  .frozen_stats = device_frozen_stats,
                                  .backward_reduce = device_backward_reduce,
                                  .join_reduce = device_join_reduce,
                                  .backward_apply = device_backward_apply,
                                  .cross_entropy = device_cross_entropy,
                                  .max_pool = device_max_pool,
                                  .max_pool_backward = device_max_pool_backward,
                                  .mean_pool = device_mean_pool,
                                  .mean_pool_backward = device_mean_pool_backward,
                                  .quantize_weights = device_quantize_weights,
                                  .weight_gradients = device_weight_gradients,
                                  .check_finite = device_check_finite,
                                  .sgd = device_sgd,
                                  .adamw = device_adamw,
                                  .average = device_average,
                                  .make_batch = device_make_batch,
                                  .add_to_histogram = device_add_to_histogram};
  return kTable;
}

}  // namespace qat::train::cuda
