// One class an operator: see layer_steps.h.
#include "train/cuda/program/layer_steps.h"

#include <utility>

#include "ir/shapes.h"

namespace qat::train::cuda {

namespace {

using ir::kNone;
using ir::Op;
using ir::ValueId;

struct LayerIds {
  ValueId x = kNone, weight = kNone, bias = kNone, output = kNone;
  bool want_x = false, want_weight = false, want_bias = false;

  LayerIds(const ir::Node& node, const Wanted& wanted) : x(node.inputs[0]), weight(node.inputs[1]) {
    if (node.inputs.size() > 2) bias = node.inputs[2];
    output = node.output;
    want_x = wanted[static_cast<size_t>(x)], want_weight = wanted[static_cast<size_t>(weight)];
    want_bias = bias != kNone && wanted[static_cast<size_t>(bias)];
  }
};

class ConvStep final : public Step {
 public:
  ConvStep(const LayerIds& ids, const ir::ConvAttrs& attrs)
      : ids_(ids), attrs_(attrs), padding_{attrs.pads[0], attrs.pads[1]} {}

  void forward(const Pass& pass) override {
    const at::Tensor x = pass.tape.value(ids_.x);
    keep(pass, x);
    std::optional<at::Tensor> bias;
    if (ids_.bias != kNone) bias = pass.tape.value(ids_.bias);
    pass.tape.value(ids_.output) = at::convolution(x, pass.tape.value(ids_.weight), bias, attrs_.stride, padding_,
                                                   attrs_.dilation, false, {0, 0}, attrs_.groups);
  }

  void backward(const Pass& pass) override {
    const at::Tensor g = pass.tape.take_gradient(ids_.output), x = kept(pass, g.defined() && ids_.want_weight);
    if (!g.defined()) return;
    const at::Tensor& weight = pass.tape.value(ids_.weight);
    const std::array<int64_t, 1> channels{g.size(1)};
    auto [dx, dw, db] = at::convolution_backward(
        dense(g), x, weight, ids_.want_bias ? at::OptionalIntArrayRef(channels) : at::OptionalIntArrayRef(),
        attrs_.stride, padding_, attrs_.dilation, false, {0, 0}, attrs_.groups,
        {ids_.want_x, ids_.want_weight, ids_.want_bias});
    if (ids_.want_x) pass.tape.add_gradient(ids_.x, dense(dx));
    if (ids_.want_weight) pass.tape.add_gradient(ids_.weight, dense(dw));
    if (ids_.want_bias) pass.tape.add_gradient(ids_.bias, db.contiguous());
  }

  const char* kind() const override { return "convolution"; }

 private:
  void keep(const Pass& pass, const at::Tensor& x) {
    integers_ = pass.tape.integers(ids_.x);
    x_ = integers_.q.defined() ? at::Tensor() : x;
    sizes_ = x.sizes().vec();
  }

  // x again, where its values are needed: elsewhere only its sizes are.
  at::Tensor kept(const Pass& pass, bool values) {
    const at::Tensor x = std::exchange(x_, at::Tensor());
    const Tape::Integers integers = std::exchange(integers_, {});
    if (x.defined()) return x;
    at::Tensor y = at::empty(sizes_, pass.target.activation(), at::MemoryFormat::ChannelsLast);
    if (!values) return y;
    pass.target.kernels.dequantize({.size = y.numel(),
                                    .type = pass.target.type,
                                    .q = reinterpret_cast<const int8_t*>(integers.q.const_data_ptr<uint8_t>()),
                                    .range = integers.range,
                                    .y = y.mutable_data_ptr()},
                                   pass.target.stream);
    return y;
  }

  const LayerIds ids_;
  const ir::ConvAttrs attrs_;
  const std::array<int64_t, 2> padding_;
  // What the backward pass needs of x: its integers, or itself.
  at::Tensor x_;
  Tape::Integers integers_;
  std::vector<int64_t> sizes_;
};

// y = x w^T + b.
class GemmStep final : public Step {
 public:
  explicit GemmStep(const LayerIds& ids) : ids_(ids) {}

  void forward(const Pass& pass) override {
    x_ = pass.tape.value(ids_.x).contiguous();
    const at::Tensor w = pass.tape.value(ids_.weight).t();
    pass.tape.value(ids_.output) = ids_.bias == kNone ? at::mm(x_, w) : at::addmm(pass.tape.value(ids_.bias), x_, w);
  }

  void backward(const Pass& pass) override {
    const at::Tensor x = std::exchange(x_, at::Tensor());
    at::Tensor g = pass.tape.take_gradient(ids_.output);
    if (!g.defined()) return;
    g = g.contiguous();
    if (ids_.want_x) pass.tape.add_gradient(ids_.x, at::mm(g, pass.tape.value(ids_.weight)));
    if (ids_.want_weight) pass.tape.add_gradient(ids_.weight, at::mm(g.t(), x));
    if (ids_.want_bias) pass.tape.add_gradient(ids_.bias, g.sum(0));
  }

  const char* kind() const override { return "gemm"; }

 private:
  const LayerIds ids_;
  at::Tensor x_;
};

class MaxPoolStep final : public Step {
 public:
  MaxPoolStep(const ir::Node& node, const Wanted& wanted)
      : x_(node.inputs[0]),
        output_(node.output),
        want_x_(wanted[static_cast<size_t>(x_)]),
        attrs_(node.as<ir::PoolAttrs>()) {}

  void forward(const Pass& pass) override {
    const at::Tensor x = dense(pass.tape.value(x_));
    args_ = {.n = x.size(0), .height = x.size(2), .width = x.size(3), .channels = x.size(1)};
    args_.out_height = extent(x.size(2), 0), args_.out_width = extent(x.size(3), 1);
    for (size_t i = 0; i < 2; ++i) {
      args_.kernel[i] = static_cast<int>(attrs_.kernel[i]), args_.stride[i] = static_cast<int>(attrs_.stride[i]);
      args_.pad[i] = static_cast<int>(attrs_.pads[i]);
    }
    args_.type = pass.target.type;
    at::Tensor y = at::empty({args_.n, args_.channels, args_.out_height, args_.out_width}, x.options(),
                             at::MemoryFormat::ChannelsLast);
    index_ = at::empty({y.numel()}, pass.target.bytes());
    args_.x = x.const_data_ptr(), args_.y = y.mutable_data_ptr(), args_.index = index_.mutable_data_ptr<uint8_t>();
    pass.target.kernels.max_pool(args_, pass.target.stream);
    pass.tape.value(output_) = y;
  }

  void backward(const Pass& pass) override {
    const at::Tensor index = std::exchange(index_, at::Tensor());
    at::Tensor g = pass.tape.take_gradient(output_);
    if (!g.defined() || !want_x_) return;
    g = dense(g);
    at::Tensor dx =
        at::empty({args_.n, args_.channels, args_.height, args_.width}, g.options(), at::MemoryFormat::ChannelsLast);
    args_.gradient = g.const_data_ptr(), args_.dx = dx.mutable_data_ptr();
    pass.target.kernels.max_pool_backward(args_, pass.target.stream);
    pass.tape.add_gradient(x_, dx);
  }

  const char* kind() const override { return "pooling"; }

 private:
  int64_t extent(int64_t in, size_t axis) const {
    return ir::output_extent({.in = in,
                              .kernel = attrs_.kernel[axis],
                              .stride = attrs_.stride[axis],
                              .pad_begin = attrs_.pads[axis],
                              .pad_end = attrs_.pads[axis + 2]});
  }

  const ValueId x_, output_;
  const bool want_x_;
  const ir::PoolAttrs attrs_;
  MaxPoolArgs args_;
  at::Tensor index_;
};

class MeanPoolStep final : public Step {
 public:
  MeanPoolStep(const ir::Node& node, const Wanted& wanted)
      : x_(node.inputs[0]), output_(node.output), want_x_(wanted[static_cast<size_t>(x_)]) {}

  void forward(const Pass& pass) override {
    const at::Tensor x = dense(pass.tape.value(x_));
    sizes_ = x.sizes().vec();
    at::Tensor y = at::empty({x.size(0), x.size(1), 1, 1}, x.options(), at::MemoryFormat::ChannelsLast);
    MeanPoolArgs args = shape(pass);
    args.x = x.const_data_ptr(), args.y = y.mutable_data_ptr();
    pass.target.kernels.mean_pool(args, pass.target.stream);
    pass.tape.value(output_) = y;
  }

  void backward(const Pass& pass) override {
    at::Tensor g = pass.tape.take_gradient(output_);
    if (!g.defined() || !want_x_) return;
    g = dense(g);
    at::Tensor dx = at::empty(sizes_, g.options(), at::MemoryFormat::ChannelsLast);
    MeanPoolArgs args = shape(pass);
    args.gradient = g.const_data_ptr(), args.dx = dx.mutable_data_ptr();
    pass.target.kernels.mean_pool_backward(args, pass.target.stream);
    pass.tape.add_gradient(x_, dx);
  }

  const char* kind() const override { return "pooling"; }

 private:
  MeanPoolArgs shape(const Pass& pass) const {
    return {.n = sizes_[0], .pixels = sizes_[2] * sizes_[3], .channels = sizes_[1], .type = pass.target.type};
  }

  const ValueId x_, output_;
  const bool want_x_;
  std::vector<int64_t> sizes_;
};

bool is_plain_pool(const ir::PoolAttrs& attrs) {
  return !attrs.ceil_mode && attrs.dilation == std::array<int64_t, 2>{1, 1} && attrs.kernel[0] * attrs.kernel[1] <= 255;
}

}  // namespace

std::unique_ptr<Step> make_layer_step(const ir::Node& node, const Wanted& wanted) {
  switch (node.op) {
    case Op::kConv: {
      const auto& attrs = node.as<ir::ConvAttrs>();
      if (attrs.pads[0] != attrs.pads[2] || attrs.pads[1] != attrs.pads[3]) return nullptr;
      return std::make_unique<ConvStep>(LayerIds(node, wanted), attrs);
    }
    case Op::kGemm:
      return std::make_unique<GemmStep>(LayerIds(node, wanted));
    case Op::kMaxPool:
      if (!is_plain_pool(node.as<ir::PoolAttrs>())) return nullptr;
      return std::make_unique<MaxPoolStep>(node, wanted);
    case Op::kGlobalAvgPool:
      return std::make_unique<MeanPoolStep>(node, wanted);
    default:
      return nullptr;
  }
}

}  // namespace qat::train::cuda
