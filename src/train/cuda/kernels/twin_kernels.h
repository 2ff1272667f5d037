// The functions behind twin_kernels(), a file or two each.
#pragma once

#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

void twin_norm_act(const NormActArgs&, cudaStream_t);
void twin_dequantize(const DequantizeArgs&, cudaStream_t);
void twin_move_ranges(const MoveRangesArgs&, cudaStream_t);
void twin_stats(const StatsArgs&, cudaStream_t);
void twin_join_stats(const StatsArgs&, cudaStream_t);
void twin_join_reduce(const BackwardReduceArgs&, cudaStream_t);
void twin_frozen_stats(const FrozenStatsArgs&, cudaStream_t);
void twin_backward_reduce(const BackwardReduceArgs&, cudaStream_t);
void twin_backward_apply(const BackwardApplyArgs&, cudaStream_t);
void twin_cross_entropy(const CrossEntropyArgs&, cudaStream_t);
void twin_max_pool(const MaxPoolArgs&, cudaStream_t);
void twin_max_pool_backward(const MaxPoolArgs&, cudaStream_t);
void twin_mean_pool(const MeanPoolArgs&, cudaStream_t);
void twin_mean_pool_backward(const MeanPoolArgs&, cudaStream_t);
void twin_quantize_weights(const WeightsArgs&, cudaStream_t);
void twin_weight_gradients(const WeightsArgs&, cudaStream_t);
void twin_check_finite(const OptimizerArgs&, cudaStream_t);
void twin_sgd(const OptimizerArgs&, cudaStream_t);
void twin_adamw(const OptimizerArgs&, cudaStream_t);
void twin_average(const AverageArgs&, cudaStream_t);
void twin_make_batch(const BatchArgs&, cudaStream_t);
void twin_add_to_histogram(const HistogramArgs&, cudaStream_t);

}  // namespace qat::train::cuda
