// One LibTorch call for each operator of the graph. Semantics: ir/ops.h.
#include "train/libtorch/steps.h"

namespace qat::train {

namespace {

using ir::Op;
using Run = std::function<at::Tensor(const Frame&)>;

const at::Tensor& at_slot(const Frame& frame, ir::ValueId id) { return frame[static_cast<size_t>(id)]; }

std::optional<at::Tensor> maybe(const Frame& frame, const ir::Node& node, size_t input) {
  if (node.inputs.size() <= input || node.inputs[input] == ir::kNone) return std::nullopt;
  return at_slot(frame, node.inputs[input]);
}

// pads: top, left, bottom, right. What LibTorch's own symmetric padding cannot express is padded before.
struct Padding {
  std::array<int64_t, 2> inside{0, 0};
  std::array<int64_t, 4> before{0, 0, 0, 0};  // constant_pad_nd's order: left, right, top, bottom
  bool any_before = false;

  explicit Padding(const std::array<int64_t, 4>& pads) {
    if (pads[0] == pads[2] && pads[1] == pads[3]) {
      inside = {pads[0], pads[1]};
    } else {
      before = {pads[1], pads[3], pads[0], pads[2]};
      any_before = true;
    }
  }
  at::Tensor apply(const at::Tensor& x, double value) const {
    return any_before ? at::constant_pad_nd(x, before, value) : x;
  }
};

Run make_conv(const ir::Node& node) {
  const auto attrs = node.as<ir::ConvAttrs>();
  const Padding padding(attrs.pads);
  return [node, attrs, padding](const Frame& f) {
    const at::Tensor x = padding.apply(at_slot(f, node.inputs[0]), 0.0);
    return at::conv2d(x, at_slot(f, node.inputs[1]), maybe(f, node, 2), attrs.stride, padding.inside, attrs.dilation,
                      attrs.groups);
  };
}

Run make_conv_transpose(const ir::Node& node) {
  const auto attrs = node.as<ir::ConvAttrs>();
  if (attrs.pads[0] != attrs.pads[2] || attrs.pads[1] != attrs.pads[3]) {
    fail(Code::kBadFile, "[ConvTranspose ", node.name, "] expected symmetric pads, got ", join(attrs.pads, ","),
         "; use output_padding");
  }
  return [node, attrs](const Frame& f) {
    return at::conv_transpose2d(at_slot(f, node.inputs[0]), at_slot(f, node.inputs[1]), maybe(f, node, 2), attrs.stride,
                                {attrs.pads[0], attrs.pads[1]}, attrs.output_padding, attrs.groups, attrs.dilation);
  };
}

Run make_max_pool(const ir::Node& node) {
  const auto attrs = node.as<ir::PoolAttrs>();
  // LibTorch takes at most half a kernel of padding; more is padded before.
  Padding padding(attrs.pads);
  if (2 * padding.inside[0] > attrs.kernel[0] || 2 * padding.inside[1] > attrs.kernel[1]) {
    padding.before = {attrs.pads[1], attrs.pads[3], attrs.pads[0], attrs.pads[2]};
    padding.any_before = true, padding.inside = {0, 0};
  }
  return [node, attrs, padding](const Frame& f) {
    const at::Tensor x = padding.apply(at_slot(f, node.inputs[0]), -std::numeric_limits<double>::infinity());
    return at::max_pool2d(x, attrs.kernel, attrs.stride, padding.inside, attrs.dilation, attrs.ceil_mode);
  };
}

Run make_avg_pool(const ir::Node& node) {
  const auto attrs = node.as<ir::PoolAttrs>();
  const Padding padding(attrs.pads);
  if (padding.any_before && !attrs.count_include_pad) {
    fail(Code::kBadFile, "[AveragePool ", node.name, "] asymmetric pads need count_include_pad, got ",
         join(attrs.pads, ","));
  }
  return [node, attrs, padding](const Frame& f) {
    const at::Tensor x = padding.apply(at_slot(f, node.inputs[0]), 0.0);
    return at::avg_pool2d(x, attrs.kernel, attrs.stride, padding.inside, attrs.ceil_mode, attrs.count_include_pad);
  };
}

Run make_pad(const ir::Node& node) {
  const auto attrs = node.as<ir::ListAttrs>();
  // ONNX: begins of all axes, then ends. LibTorch: begin and end of each axis from the last.
  const size_t rank = attrs.values.size() / 2;
  std::vector<int64_t> pads;
  for (size_t axis = rank; axis-- > 0;) pads.push_back(attrs.values[axis]), pads.push_back(attrs.values[rank + axis]);
  return [node, attrs, pads](const Frame& f) {
    return at::constant_pad_nd(at_slot(f, node.inputs[0]), pads, attrs.value);
  };
}

Run make_reshape(const ir::Node& node) {
  const auto attrs = node.as<ir::ListAttrs>();
  return [node, attrs](const Frame& f) {
    const at::Tensor& x = at_slot(f, node.inputs[0]);
    std::vector<int64_t> shape = attrs.values;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (shape[i] == 0) shape[i] = x.size(static_cast<int64_t>(i));
    }
    return x.reshape(shape);
  };
}

Run make_flatten(const ir::Node& node) {
  const auto attrs = node.as<ir::AxisAttrs>();
  return [node, attrs](const Frame& f) {
    const at::Tensor& x = at_slot(f, node.inputs[0]);
    const int64_t axis = attrs.axis < 0 ? attrs.axis + x.dim() : attrs.axis;
    int64_t before = 1;
    for (int64_t i = 0; i < axis; ++i) before *= x.size(i);
    return x.reshape({before, before == 0 ? 0 : x.numel() / before});
  };
}

Run make_list_op(const ir::Node& node) {
  const auto attrs = node.as<ir::ListAttrs>();
  if (node.op == Op::kTranspose) {
    return [node, attrs](const Frame& f) { return at_slot(f, node.inputs[0]).permute(attrs.values); };
  }
  return [node, attrs](const Frame& f) { return at_slot(f, node.inputs[0]).mean(attrs.values, attrs.keep_dims); };
}

Run make_concat(const ir::Node& node) {
  const int64_t axis = node.as<ir::AxisAttrs>().axis;
  return [node, axis](const Frame& f) {
    std::vector<at::Tensor> parts;
    for (ir::ValueId id : node.inputs) parts.push_back(at_slot(f, id));
    return at::cat(parts, axis);
  };
}

Run make_unary(const ir::Node& node, at::Tensor (*function)(const at::Tensor&)) {
  const ir::ValueId x = node.inputs[0];
  return [x, function](const Frame& f) { return function(at_slot(f, x)); };
}

template <class Function>
Run make_binary(const ir::Node& node, Function function) {
  const ir::ValueId a = node.inputs[0], b = node.inputs[1];
  return [a, b, function](const Frame& f) { return function(at_slot(f, a), at_slot(f, b)); };
}

Run make_activation(const ir::Node& node) {
  const ir::ValueId x = node.inputs[0];
  if (node.op == Op::kClip) {
    const auto attrs = node.as<ir::ClipAttrs>();
    return [x, attrs](const Frame& f) { return at::clamp(at_slot(f, x), attrs.lo, attrs.hi); };
  }
  const auto attrs = node.as<ir::AlphaBetaAttrs>();
  if (node.op == Op::kLeakyRelu) {
    return [x, attrs](const Frame& f) { return at::leaky_relu(at_slot(f, x), attrs.alpha); };
  }
  return [x, attrs](const Frame& f) { return at::clamp(at_slot(f, x) * attrs.alpha + attrs.beta, 0.0, 1.0); };
}

}  // namespace

std::function<at::Tensor(const Frame&)> make_op(const ir::Graph& graph, const ir::Node& node, const RunState* state) {
  const ir::ValueId x = node.inputs.empty() ? ir::kNone : node.inputs[0];
  switch (node.op) {
    case Op::kConv:
      return make_conv(node);
    case Op::kConvTranspose:
      return make_conv_transpose(node);
    case Op::kGemm:
      return [node](const Frame& f) {
        return at::linear(at_slot(f, node.inputs[0]), at_slot(f, node.inputs[1]), maybe(f, node, 2));
      };
    case Op::kRelu:
      return make_unary(node, [](const at::Tensor& t) { return at::relu(t); });
    case Op::kSigmoid:
      return make_unary(node, [](const at::Tensor& t) { return at::sigmoid(t); });
    case Op::kHardSwish:
      return make_unary(node, [](const at::Tensor& t) { return at::hardswish(t); });
    case Op::kSilu:
      return make_unary(node, [](const at::Tensor& t) { return at::silu(t); });
    case Op::kTanh:
      return make_unary(node, [](const at::Tensor& t) { return at::tanh(t); });
    case Op::kGlobalAvgPool:
      return make_unary(node, [](const at::Tensor& t) { return t.mean(at::IntArrayRef{2, 3}, true); });
    case Op::kIdentity:
      return make_unary(node, [](const at::Tensor& t) { return t; });
    case Op::kClip:
    case Op::kLeakyRelu:
    case Op::kHardSigmoid:
      return make_activation(node);
    case Op::kAdd:
      return make_binary(node, [](const at::Tensor& a, const at::Tensor& b) { return at::add(a, b); });
    case Op::kSub:
      return make_binary(node, [](const at::Tensor& a, const at::Tensor& b) { return at::sub(a, b); });
    case Op::kMul:
      return make_binary(node, [](const at::Tensor& a, const at::Tensor& b) { return at::mul(a, b); });
    case Op::kDiv:
      return make_binary(node, [](const at::Tensor& a, const at::Tensor& b) { return at::div(a, b); });
    case Op::kMaxPool:
      return make_max_pool(node);
    case Op::kAvgPool:
      return make_avg_pool(node);
    case Op::kConcat:
      return make_concat(node);
    case Op::kFlatten:
      return make_flatten(node);
    case Op::kReshape:
      return make_reshape(node);
    case Op::kTranspose:
    case Op::kReduceMean:
      return make_list_op(node);
    case Op::kPad:
      return make_pad(node);
    case Op::kDropout: {
      const double p = node.as<ir::DropoutAttrs>().p;
      return [x, p, state](const Frame& f) { return at::dropout(at_slot(f, x), p, state->training); };
    }
    case Op::kSoftmax: {
      const int64_t axis = node.as<ir::AxisAttrs>().axis;
      return [x, axis](const Frame& f) { return at::softmax(at_slot(f, x), axis); };
    }
    default:
      fail(Code::kBadFile, "[", ir::name_of(node.op), " ", node.name, "] is not an operator that ",
           graph.name.empty() ? "a graph" : graph.name, " can be trained or evaluated with here");
  }
}

}  // namespace qat::train
