// The formulas: see functions.h.
#include "ir/functions.h"

namespace qat::ir {

std::optional<Epilogue> activation_of(const Node& node) {
  switch (node.op) {
    case Op::kRelu:
      return Epilogue{.activation = Activation::kClip, .p0 = 0.0f};
    case Op::kClip:
      return Epilogue{.activation = Activation::kClip, .p0 = node.as<ClipAttrs>().lo, .p1 = node.as<ClipAttrs>().hi};
    case Op::kHardSwish:
      return Epilogue{.activation = Activation::kHardSwish, .p0 = 1.0f / 6.0f};
    case Op::kSilu:
      return Epilogue{.activation = Activation::kSilu, .p0 = 1.0f};
    default:
      return std::nullopt;
  }
}

Epilogue scaled(Epilogue e, double scale) {
  switch (e.activation) {
    case Activation::kClip:
      e.p0 = static_cast<float>(e.p0 / scale);
      e.p1 = static_cast<float>(e.p1 / scale);
      break;
    case Activation::kHardSwish:
      e.p0 = static_cast<float>(scale / 6.0);
      break;
    case Activation::kSilu:
      e.p0 = static_cast<float>(scale);
      break;
    case Activation::kNone:
      break;
  }
  return e;
}

float apply_function(const Node& node, float x) {
  switch (node.op) {
    case Op::kSigmoid:
      return sigmoid_exact(x);
    case Op::kHardSigmoid: {
      const auto& a = node.as<AlphaBetaAttrs>();
      return activate(fma_exact(x, a.alpha, a.beta), Activation::kClip, 0.0f, 1.0f);
    }
    case Op::kLeakyRelu:
      return x < 0 ? x * node.as<AlphaBetaAttrs>().alpha : x;
    case Op::kTanh:
      return 2.0f * sigmoid_exact(2.0f * x) - 1.0f;
    default: {
      const Epilogue e = *activation_of(node);
      return activate(x, e.activation, e.p0, e.p1);
    }
  }
}

}  // namespace qat::ir
