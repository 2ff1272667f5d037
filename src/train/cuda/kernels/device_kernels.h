// The device functions behind device_kernels(), a file or two each.
#pragma once

#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

void device_norm_act(const NormActArgs&, cudaStream_t);
void device_dequantize(const DequantizeArgs&, cudaStream_t);
void device_move_ranges(const MoveRangesArgs&, cudaStream_t);
void device_stats(const StatsArgs&, cudaStream_t);
void device_join_stats(const StatsArgs&, cudaStream_t);
void device_join_reduce(const BackwardReduceArgs&, cudaStream_t);
void device_frozen_stats(const FrozenStatsArgs&, cudaStream_t);
void device_backward_reduce(const BackwardReduceArgs&, cudaStream_t);
void device_backward_apply(const BackwardApplyArgs&, cudaStream_t);
void device_cross_entropy(const CrossEntropyArgs&, cudaStream_t);
void device_max_pool(const MaxPoolArgs&, cudaStream_t);
void device_max_pool_backward(const MaxPoolArgs&, cudaStream_t);
void device_mean_pool(const MeanPoolArgs&, cudaStream_t);
void device_mean_pool_backward(const MeanPoolArgs&, cudaStream_t);
void device_quantize_weights(const WeightsArgs&, cudaStream_t);
void device_weight_gradients(const WeightsArgs&, cudaStream_t);
void device_check_finite(const OptimizerArgs&, cudaStream_t);
void device_sgd(const OptimizerArgs&, cudaStream_t);
void device_adamw(const OptimizerArgs&, cudaStream_t);
void device_average(const AverageArgs&, cudaStream_t);
void device_make_batch(const BatchArgs&, cudaStream_t);
void device_add_to_histogram(const HistogramArgs&, cudaStream_t);

}  // namespace qat::train::cuda
