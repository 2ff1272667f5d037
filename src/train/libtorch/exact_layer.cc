// Weights as integers, split where sums could pass 2^24: see exact_layer.h.
#include "train/libtorch/exact_layer.h"

#include <cmath>

#include "base/qmath.h"
#include "ir/match.h"
#include "ir/quant_range.h"
#include "train/libtorch/exact_conv.h"
#include "train/libtorch/parallel.h"

namespace qat::train {

namespace {

using ir::kNone;
using ir::Op;
using ir::ValueId;

const ir::Node* weight_quantizer(const ir::Graph& graph, const ir::Uses& uses, ValueId id) {
  const ir::Node* node = producer(graph, uses, id);
  if (node == nullptr || node->op != Op::kFakeQuant || !graph.has_data(node->inputs[0])) return nullptr;
  const bool zero_point = node->inputs.size() > 2 && node->inputs[2] != kNone;
  return zero_point || node->as<ir::FakeQuantAttrs>().axis > 0 ? nullptr : node;
}

// Largest sum of |q| over an output channel's weights with input channels [begin, end).
double largest_sum(const at::Tensor& q) {
  return q.numel() == 0 ? 0.0 : q.abs().to(at::kDouble).flatten(1).sum(1).max().item<double>();
}

}  // namespace

std::optional<Integers> integers_of(const ir::Graph& graph, const ir::Uses& uses, ValueId id) {
  const ir::Node* node = producer(graph, uses, id);
  if (node == nullptr) return std::nullopt;
  if (node->op == Op::kFakeQuant) {
    if (!is_plain_activation_quantizer(graph, *node)) return std::nullopt;
    const ir::QuantRange range = ir::quant_range(graph, *node);
    return Integers{.scale = range.scale.at(0), .largest = std::max({-range.lo, range.hi, 1})};
  }
  if (!ir::moves_values(node->op) && node->op != Op::kConcat) return std::nullopt;
  std::optional<Integers> all = integers_of(graph, uses, node->inputs[0]);
  for (size_t i = 1; all && i < node->inputs.size(); ++i) {
    const std::optional<Integers> part = integers_of(graph, uses, node->inputs[i]);
    if (!part || part->scale != all->scale) return std::nullopt;
    all->largest = std::max(all->largest, part->largest);
  }
  return all;
}

bool is_exact_layer(const ir::Graph& graph, const ir::Uses& uses, const ir::Node& node) {
  return (node.op == Op::kConv || node.op == Op::kGemm) && integers_of(graph, uses, node.inputs[0]).has_value() &&
         weight_quantizer(graph, uses, node.inputs[1]) != nullptr;
}

std::shared_ptr<const ExactLayer> exact_layer(const ir::Graph& graph, const ir::Node& node,
                                              const ExactContext& context) {
  if (!is_exact_layer(graph, context.uses, node)) return nullptr;
  auto layer = std::make_shared<ExactLayer>();
  layer->node_ = node;
  const ir::Node& quantizer = *weight_quantizer(graph, context.uses, node.inputs[1]);
  const ir::QuantRange range = ir::quant_range(graph, quantizer);
  const Tensor& weight = graph.value(quantizer.inputs[0]).data;
  const int64_t outputs = weight.dim(0), per_output = weight.size() / std::max<int64_t>(outputs, 1);
  at::Tensor q = at::empty(weight.shape(), at::TensorOptions().dtype(at::kFloat));
  const double s_x = static_cast<double>(context.units[static_cast<size_t>(node.inputs[0])]);
  for (int64_t k = 0; k < outputs; ++k) {
    const float s_w = range.scale[range.scale.size() == 1 ? 0 : static_cast<size_t>(k)];
    layer->scale_.push_back(s_x * static_cast<double>(s_w));
    for (int64_t i = k * per_output; i < (k + 1) * per_output; ++i) {
      q.mutable_data_ptr<float>()[i] =
          static_cast<float>(quantize(weight.data<float>()[static_cast<size_t>(i)], s_w, 0, range.lo, range.hi));
    }
  }
  layer->bias_.assign(static_cast<size_t>(outputs), 0.0);
  if (node.inputs.size() > 2 && node.inputs[2] != kNone) {
    const auto bias = graph.value(node.inputs[2]).data.data<float>();
    layer->bias_.assign(bias.begin(), bias.end());
  }
  const bool grouped = node.op == Op::kConv && node.as<ir::ConvAttrs>().groups > 1;
  // Of sum|q_w|.
  const double exact_limit = 16777216.0 / integers_of(graph, context.uses, node.inputs[0])->largest;
  int64_t parts = 1;
  while (!grouped && parts < q.size(1)) {
    const int64_t channels = (q.size(1) + parts - 1) / parts;
    double largest = 0;
    for (const at::Tensor& part : q.split(channels, 1)) largest = std::max(largest, largest_sum(part));
    if (largest < exact_limit) break;
    ++parts;
  }
  layer->part_channels_ = (q.size(1) + parts - 1) / parts;
  if (grouped && largest_sum(q) >= exact_limit) q = q.to(at::kDouble);
  for (const at::Tensor& part : q.split(layer->part_channels_, 1)) {
    layer->parts_.push_back(dense_pixels(part).to(context.device));
  }
  return layer;
}

at::Tensor ExactLayer::sum(const at::Tensor& x, const at::Tensor& w) const {
  if (node_.op == Op::kGemm) return at::linear(x, w);
  const auto& attrs = node_.as<ir::ConvAttrs>();
  // LibTorch's own kernel for depthwise convolutions is a plain sum.
  const bool depthwise = attrs.groups > 1 && w.size(1) == 1;
  if (!x.is_cpu() && !depthwise) return conv_by_columns(x, w, attrs);
  const bool symmetric = attrs.pads[0] == attrs.pads[2] && attrs.pads[1] == attrs.pads[3];
  const std::array<int64_t, 4> before{attrs.pads[1], attrs.pads[3], attrs.pads[0], attrs.pads[2]};
  const std::array<int64_t, 2> inside{symmetric ? attrs.pads[0] : 0, symmetric ? attrs.pads[1] : 0};
  return at::conv2d(symmetric ? x : at::constant_pad_nd(x, before, 0), w, {}, attrs.stride, inside, attrs.dilation,
                    attrs.groups);
}

at::Tensor ExactLayer::sums(const Frame& frame) const {
  const at::Tensor& x = frame[static_cast<size_t>(node_.inputs[0])];
  if (parts_.size() == 1) return sum(x.to(parts_[0].scalar_type()), parts_[0]).to(at::kFloat);
  at::Tensor total;
  const auto inputs = x.split(part_channels_, 1);
  for (size_t i = 0; i < parts_.size(); ++i) {
    const at::Tensor part = sum(inputs[i], parts_[i]).to(at::kDouble);
    total = total.defined() ? total.add_(part) : part;
  }
  return total.to(at::kFloat);
}

Factors ExactLayer::factors(float s_y) const {
  const auto outputs = static_cast<int64_t>(scale_.size());
  at::Tensor m = at::empty({outputs}, at::TensorOptions().dtype(at::kFloat)), b = at::empty_like(m);
  for (size_t k = 0; k < scale_.size(); ++k) {
    m.mutable_data_ptr<float>()[k] = static_cast<float>(scale_[k] / static_cast<double>(s_y));
    b.mutable_data_ptr<float>()[k] = static_cast<float>(bias_[k] / static_cast<double>(s_y));
  }
  return {.m = m.to(parts_[0].device()), .b = b.to(parts_[0].device())};
}

}  // namespace qat::train
