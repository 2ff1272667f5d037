// One layer at a time, integers first: see fold_batch_norm.h for the formulas.
#include "ir/fold_batch_norm.h"

#include <cmath>
#include <optional>

#include "ir/quant_range.h"

namespace qat::ir {

namespace {

// How a weight's elements map to output channels.
struct Channels {
  int64_t outer = 1, axis = 1, inner = 1;  // of the weight: [outer, axis, inner]
  int64_t per_group = 0;                   // ConvTranspose: input channels of a group; else 0

  int64_t of(int64_t o, int64_t a) const { return per_group == 0 ? a : o / per_group * axis + a; }
};

Channels channels_of(const Node& layer, const Shape& weight) {
  Channels c;
  const size_t axis = layer.op == Op::kConvTranspose ? 1 : 0;
  for (size_t i = 0; i < weight.size(); ++i) (i < axis ? c.outer : i == axis ? c.axis : c.inner) *= weight[i];
  if (axis == 1) c.per_group = weight[0] / layer.as<ConvAttrs>().groups;
  return c;
}

struct Folded {
  Tensor weight;
  std::optional<Tensor> scale;  // of a quantized weight, one value a channel
};

Folded fold_float(const Tensor& weight, const Channels& c, const std::vector<double>& factor) {
  Tensor out(DType::kF32, weight.shape());
  const auto w = weight.data<float>();
  auto y = out.data<float>();
  for (int64_t o = 0, i = 0; o < c.outer; ++o) {
    for (int64_t a = 0; a < c.axis; ++a) {
      const double f = factor[static_cast<size_t>(c.of(o, a))];
      for (int64_t n = 0; n < c.inner; ++n, ++i) y[i] = static_cast<float>(w[i] * f);
    }
  }
  return {out, std::nullopt};
}

// Nothing when the quantizer's coding cannot hold the result.
std::optional<Folded> fold_coded(const Tensor& weight, const QuantRange& range, const Channels& c,
                                 const std::vector<double>& factor) {
  if (c.outer != 1 && static_cast<int64_t>(factor.size()) != c.axis) return std::nullopt;  // grouped ConvTranspose
  for (const int z : range.zero_point) {
    if (z != 0) return std::nullopt;
  }
  Tensor out(DType::kF32, weight.shape()), scales(DType::kF32, {c.axis});
  const auto w = weight.data<float>();
  auto y = out.data<float>();
  auto s = scales.data<float>();
  const auto old_scale = [&](int64_t a) { return range.scale[range.scale.size() == 1 ? 0 : static_cast<size_t>(a)]; };
  for (int64_t a = 0; a < c.axis; ++a) {
    s[a] = static_cast<float>(old_scale(a) * std::abs(factor[static_cast<size_t>(a)]));
  }
  for (int64_t o = 0, i = 0; o < c.outer; ++o) {
    for (int64_t a = 0; a < c.axis; ++a) {
      const double f = factor[static_cast<size_t>(a)];
      for (int64_t n = 0; n < c.inner; ++n, ++i) {
        const int32_t q = quantize(w[i], old_scale(a), 0, range.lo, range.hi);
        const int32_t folded = s[a] == 0 ? 0 : f < 0 ? -q : q;
        if (folded < range.lo || folded > range.hi) return std::nullopt;
        y[i] = static_cast<float>(folded) * s[a];
      }
    }
  }
  for (float& scale : s) scale = scale == 0 ? 1.0f : scale;
  return Folded{out, scales};
}

Tensor fold_bias(const Graph& graph, const Node& layer, const Affine& affine) {
  const auto k = static_cast<int64_t>(affine.scale.size());
  Tensor out(DType::kF32, {k});
  const bool has_bias = layer.inputs.size() > 2 && layer.inputs[2] != kNone;
  const float* bias = has_bias ? graph.value(layer.inputs[2]).data.data<float>().data() : nullptr;
  for (int64_t i = 0; i < k; ++i) {
    const auto j = static_cast<size_t>(i);
    out.data<float>()[i] = static_cast<float>((bias ? bias[i] * affine.scale[j] : 0.0) + affine.shift[j]);
  }
  return out;
}

bool is_layer(Op op) { return op == Op::kConv || op == Op::kConvTranspose || op == Op::kGemm; }

// A fresh value in place of `old`, under its name when nobody else reads it.
ValueId replace_value(Graph& graph, const Uses& uses, ValueId old, const std::string& layer, Tensor data) {
  Value value = graph.value(old);
  value.dims = data.shape();
  value.data = std::move(data);
  if (uses.consumers[static_cast<size_t>(old)].size() > 1) {
    value.name += "." + layer;
  } else {
    graph.value(old).name += ".unfolded";
  }
  return graph.add_value(std::move(value));
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), uses_(graph) {}

  // The name of the layer that took the BatchNorm in, or "".
  std::string fold(NodeId id) {
    const Node norm = graph_.nodes[static_cast<size_t>(id)];
    const NodeId made = uses_.producer[static_cast<size_t>(norm.inputs[0])];
    if (made == kNone) return "";
    Node& layer = graph_.nodes[static_cast<size_t>(made)];
    const auto out = static_cast<size_t>(layer.output);
    if (!is_layer(layer.op) || uses_.consumers[out].size() != 1 || uses_.is_output[out]) return "";
    if (layer.inputs.size() > 2 && layer.inputs[2] != kNone && !graph_.has_data(layer.inputs[2])) return "";
    const Affine affine = batch_norm_affine(graph_, norm);
    if (!fold_weight(layer, affine)) return "";
    const Tensor bias = fold_bias(graph_, layer, affine);
    layer.inputs.resize(3, kNone);
    layer.inputs[2] = layer.inputs[2] == kNone ? graph_.add_parameter(layer.name + ".bias", bias)
                                               : replace_value(graph_, uses_, layer.inputs[2], layer.name, bias);
    std::string name = layer.name;
    graph_.replace_uses(norm.output, layer.output);
    graph_.nodes.erase(graph_.nodes.begin() + id);
    return name;
  }

 private:
  bool fold_weight(Node& layer, const Affine& affine) {
    const ValueId id = layer.inputs[1];
    if (graph_.has_data(id)) {
      const Tensor& weight = graph_.value(id).data;
      Folded folded = fold_float(weight, channels_of(layer, weight.shape()), affine.scale);
      layer.inputs[1] = replace_value(graph_, uses_, id, layer.name, std::move(folded.weight));
      return true;
    }
    const NodeId made = uses_.producer[static_cast<size_t>(id)];
    if (made == kNone || graph_.nodes[static_cast<size_t>(made)].op != Op::kFakeQuant) return false;
    Node& fake = graph_.nodes[static_cast<size_t>(made)];
    if (!graph_.has_data(fake.inputs[0]) || uses_.consumers[static_cast<size_t>(id)].size() != 1) return false;
    const QuantRange range = quant_range(graph_, fake);
    const int axis = layer.op == Op::kConvTranspose ? 1 : 0;
    if (range.scale.size() > 1 && range.axis != axis) return false;
    const Tensor& weight = graph_.value(fake.inputs[0]).data;
    std::optional<Folded> folded = fold_coded(weight, range, channels_of(layer, weight.shape()), affine.scale);
    if (!folded) return false;
    fake.inputs[0] = replace_value(graph_, uses_, fake.inputs[0], layer.name, std::move(folded->weight));
    fake.inputs[1] = replace_value(graph_, uses_, fake.inputs[1], layer.name, std::move(*folded->scale));
    std::string& name = graph_.value(fake.inputs[1]).name;
    if (const size_t at = name.rfind("_amax"); at != std::string::npos) name.replace(at, 5, "_scale");
    fake.inputs.resize(2);
    fake.as<FakeQuantAttrs>().range = RangeKind::kScale;
    fake.as<FakeQuantAttrs>().axis = axis;
    return true;
  }

  Graph& graph_;
  Uses uses_;
};

}  // namespace

Affine batch_norm_affine(const Graph& graph, const Node& norm) {
  const auto parameter = [&](size_t i) { return graph.value(norm.inputs[i]).data.data<float>(); };
  const auto gamma = parameter(1), beta = parameter(2), mean = parameter(3), variance = parameter(4);
  const double eps = norm.as<BatchNormAttrs>().eps;
  Affine affine;
  for (size_t i = 0; i < gamma.size(); ++i) {
    const double f = gamma[i] / std::sqrt(static_cast<double>(variance[i]) + eps);
    affine.scale.push_back(f);
    affine.shift.push_back(beta[i] - mean[i] * f);
  }
  return affine;
}

std::vector<std::pair<std::string, std::string>> fold_batch_norms(Graph& graph) {
  std::vector<std::pair<std::string, std::string>> folded;
  for (size_t i = 0; i < graph.nodes.size();) {
    const std::string name = graph.nodes[i].name;
    const std::string layer = graph.nodes[i].op == Op::kBatchNorm ? Folder(graph).fold(static_cast<NodeId>(i)) : "";
    if (layer.empty()) {
      ++i;
    } else {
      folded.emplace_back(layer, name);
    }
  }
  prune(graph);
  return folded;
}

}  // namespace qat::ir
