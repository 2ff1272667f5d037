// The table of the twins, and the size of the workspace.
#include "train/cuda/kernels/twin_kernels.h"

#include "train/cuda/kernels/channel_sums.h"
#include "train/cuda/kernels/cross_entropy.h"

namespace qat::train::cuda {

const Kernels& twin_kernels() {
  static constexpr Kernels kTable{.norm_act = twin_norm_act,
                                  .dequantize = twin_dequantize,
                                  .move_ranges = twin_move_ranges,
                                  .stats = twin_stats,
                                  .join_stats = twin_join_stats,
                                  .frozen_stats = twin_frozen_stats,
                                  .backward_reduce = twin_backward_reduce,
                                  .join_reduce = twin_join_reduce,
                                  .backward_apply = twin_backward_apply,
                                  .cross_entropy = twin_cross_entropy,
                                  .max_pool = twin_max_pool,
                                  .max_pool_backward = twin_max_pool_backward,
                                  .mean_pool = twin_mean_pool,
                                  .mean_pool_backward = twin_mean_pool_backward,
                                  .quantize_weights = twin_quantize_weights,
                                  .weight_gradients = twin_weight_gradients,
                                  .check_finite = twin_check_finite,
                                  .sgd = twin_sgd,
                                  .adamw = twin_adamw,
                                  .average = twin_average,
                                  .make_batch = twin_make_batch,
                                  .add_to_histogram = twin_add_to_histogram};
  return kTable;
}

size_t workspace_bytes(int64_t rows, int64_t channels) {
  const SumGrid grid(rows, channels);
  const auto sums = static_cast<size_t>(grid.tiles * grid.parts) * 17 * kTileLanes + static_cast<size_t>(grid.tiles);
  return kCounterBytes + sizeof(double) * std::max(sums, static_cast<size_t>(2 * loss_blocks(rows)));
}

}  // namespace qat::train::cuda
