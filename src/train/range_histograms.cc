// Shares of a tensor go to threads, each with histograms of its own: see range_histograms.h.
#include "train/range_histograms.h"

#include <algorithm>
#include <map>

#include "quant/placement.h"
#include "train/graph_module.h"

namespace qat::train {

namespace {
constexpr int64_t kSmallShare = 1 << 14;  // values that a thread of its own is not worth
}  // namespace

RangeHistograms::RangeHistograms(const ir::Graph& graph, int threads, DevicePlugin* device)
    : threads_(std::max(threads, 1)) {
  std::map<ir::ValueId, size_t> known;
  for (ir::NodeId id : quant::activation_quantizers(graph)) {
    const ir::ValueId range = graph.nodes[static_cast<size_t>(id)].inputs.at(1);
    const auto [at, added] = known.emplace(range, ranges_.size());
    if (added) ranges_.push_back(range);
    of_quantizer_.push_back(at->second);
  }
  if (device != nullptr) device_ = device->histograms(ranges_.size());
  parts_.assign(static_cast<size_t>(threads_), std::vector<quant::Histogram>(ranges_.size()));
}

void RangeHistograms::add(size_t quantizer, std::span<const float> values) {
  const size_t range = of_quantizer_.at(quantizer);
  if (device_ != nullptr) return device_->add(range, values);
  const auto n = static_cast<int64_t>(values.size());
  const int shares = static_cast<int>(std::clamp<int64_t>(n / kSmallShare, 1, threads_));
  for_shares(n, shares, [&](int64_t begin, int64_t end, int share) {
    parts_[static_cast<size_t>(share)][range].add(
        values.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  });
}

quant::Histogram RangeHistograms::merged(size_t range) const {
  if (device_ != nullptr) return device_->get(range);
  quant::Histogram all;
  for (const auto& part : parts_) all.merge(part[range]);
  return all;
}

}  // namespace qat::train
