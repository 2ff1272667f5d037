// One copy a buffer in each direction: see leaves.h.
#include "train/cuda/program/leaves.h"

#include <algorithm>

namespace qat::train::cuda {

namespace {

constexpr int64_t kAlign = 4;  // floats: 16 bytes

std::span<const float> host_span(const at::Tensor& host, const Leaves::Leaf& leaf) {
  return {host.const_data_ptr<float>() + leaf.offset, static_cast<size_t>(leaf.size)};
}

// By value: the first node that reads it, itself or through the quantizer that it belongs to.
std::vector<size_t> first_readers(const ir::Graph& graph) {
  std::vector<size_t> first(graph.values.size(), graph.nodes.size());
  // From the end, so that what reads a quantizer's output is known.
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const ir::Node& node = graph.nodes[i];
    const bool of_weight = node.op == ir::Op::kFakeQuant && graph.has_data(node.inputs[0]);
    const size_t reader = of_weight ? first[static_cast<size_t>(node.output)] : i;
    for (ir::ValueId id : node.inputs) {
      if (id == ir::kNone) continue;
      size_t& known = first[static_cast<size_t>(id)];
      known = std::min(known, reader);
    }
  }
  return first;
}

std::vector<bool> running_statistics(const ir::Graph& graph) {
  std::vector<bool> result(graph.values.size(), false);
  for (const ir::Node& node : graph.nodes) {
    if (node.op != ir::Op::kBatchNorm) continue;
    result[static_cast<size_t>(node.inputs[3])] = result[static_cast<size_t>(node.inputs[4])] = true;
  }
  return result;
}

}  // namespace

Leaves::Leaves(const ir::Graph& graph, const std::vector<ParamView>& trained, const LeafOptions& options,
               at::Device device) {
  std::map<std::string, ParamKind> kinds;
  for (const ParamView& view : trained) kinds[view.name] = view.kind;
  const std::vector<size_t> readers = first_readers(graph);
  const std::vector<bool> statistics = running_statistics(graph);
  std::vector<Leaf> leaves;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ir::Value& value = graph.values[i];
    if (value.role == ir::Role::kActivation || value.type != DType::kF32) continue;
    Leaf leaf{.id = static_cast<ir::ValueId>(i), .name = value.name, .size = value.data.size()};
    if (const auto found = kinds.find(value.name); found != kinds.end()) leaf.trained = true, leaf.kind = found->second;
    leaves.push_back(std::move(leaf));
  }
  const auto part = [&](const Leaf& leaf) {
    const bool statistic = statistics[static_cast<size_t>(leaf.id)];
    const size_t reader = leaf.trained ? readers[static_cast<size_t>(leaf.id)] : 0;
    return std::pair(leaf.trained ? 0 : statistic ? 1 : 2, reader);
  };
  std::stable_sort(leaves.begin(), leaves.end(), [&](const Leaf& a, const Leaf& b) { return part(a) < part(b); });
  for (Leaf& leaf : leaves) {
    leaf.offset = end_;
    end_ += (leaf.size + kAlign - 1) / kAlign * kAlign;
    if (leaf.trained) trained_end_ = end_;
    if (part(leaf).first < 2) statistics_end_ = end_;
    index_[leaf.id] = leaves_.size();
    leaves_.push_back(std::move(leaf));
  }
  const auto buffer = [&](bool wanted) {
    return wanted ? at::zeros({end_}, at::TensorOptions().device(device).dtype(at::kFloat)) : at::Tensor();
  };
  value_ = buffer(true), gradient_ = buffer(true);
  first_ = buffer(options.first), second_ = buffer(options.second), average_ = buffer(options.average);
}

void Leaves::load(const ir::Graph& graph, const OptimizerState& optimizer,
                  const std::map<std::string, std::vector<float>>& average) {
  at::Tensor host = at::zeros({value_.numel()}, at::TensorOptions().dtype(at::kFloat));
  for (const Leaf& leaf : leaves_) {
    const auto data = graph.value(leaf.id).data.data<float>();
    std::copy(data.begin(), data.end(), host.mutable_data_ptr<float>() + leaf.offset);
  }
  value_.copy_(host);
  const auto put = [&](at::Tensor& buffer, const std::map<std::string, std::vector<float>>& from) {
    if (!buffer.defined()) return;
    host.zero_();
    for (const Leaf& leaf : leaves_) {
      if (const auto found = from.find(leaf.name); found != from.end()) {
        std::copy(found->second.begin(), found->second.end(), host.mutable_data_ptr<float>() + leaf.offset);
      }
    }
    buffer.copy_(host);
  };
  put(first_, optimizer.first), put(second_, optimizer.second), put(average_, average);
}

void Leaves::store(ir::Graph& graph, OptimizerState& optimizer,
                   std::map<std::string, std::vector<float>>& average) const {
  const at::Tensor values = value_.cpu();
  for (const Leaf& leaf : leaves_) {
    const auto from = host_span(values, leaf);
    std::copy(from.begin(), from.end(), graph.value(leaf.id).data.data<float>().begin());
  }
  const auto take = [&](const at::Tensor& buffer, std::map<std::string, std::vector<float>>& to) {
    if (!buffer.defined()) return;
    const at::Tensor host = buffer.cpu();
    for (const Leaf& leaf : leaves_) {
      if (leaf.trained) to[leaf.name].assign(host_span(host, leaf).begin(), host_span(host, leaf).end());
    }
  };
  take(first_, optimizer.first), take(second_, optimizer.second);
  if (!average_.defined()) return;
  const at::Tensor host = average_.cpu();
  for (auto& [name, values_of] : average) {
    const auto leaf = std::find_if(leaves_.begin(), leaves_.end(), [&](const Leaf& l) { return l.name == name; });
    if (leaf != leaves_.end()) values_of.assign(host_span(host, *leaf).begin(), host_span(host, *leaf).end());
  }
}

std::vector<float> Leaves::host_gradient(ir::ValueId id) const {
  const at::Tensor host = gradient_.cpu();
  const auto span = host_span(host, of(id));
  return {span.begin(), span.end()};
}

}  // namespace qat::train::cuda
