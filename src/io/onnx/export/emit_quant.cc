// FakeQuant nodes as QuantizeLinear and DequantizeLinear with constant scales and zero points.
#include "base/qmath.h"
#include "io/onnx/export/emitter.h"
#include "ir/quant_range.h"

namespace qat::onnxio {

namespace {

using ir::Node;
using ir::QuantRange;

bool is_unsigned(const QuantRange& range) { return range.lo >= 0 && range.hi > 127; }

// q of a parameter, in the type of the file.
template <class T>
Tensor coded(const Tensor& data, const QuantRange& range) {
  Tensor out(DTypeOf<T>::value, data.shape());
  int64_t inner = 1;
  const int axis = range.axis;
  for (size_t i = data.shape().size(); axis >= 0 && static_cast<int>(i) > axis + 1; --i) inner *= data.dim(i - 1);
  const auto from = data.data<float>();
  auto to = out.data<T>();
  for (size_t i = 0; i < from.size(); ++i) {
    const size_t c = axis < 0 ? 0 : static_cast<size_t>(static_cast<int64_t>(i) / inner) % range.scale.size();
    to[i] = static_cast<T>(quantize(from[i], range.scale[c], range.zero_point[c], range.lo, range.hi));
  }
  return out;
}

// The parameter on its grid: QuantizeLinear's own bounds cannot clip it again, and q comes back exactly
// (|q| <= 255, two roundings of 2^-24).
Tensor on_grid(const Tensor& data, const QuantRange& range) {
  const Tensor q = coded<int16_t>(data, range);
  Tensor out(DType::kF32, data.shape());
  int64_t inner = 1;
  for (size_t i = data.shape().size(); range.axis >= 0 && static_cast<int>(i) > range.axis + 1; --i) {
    inner *= data.dim(i - 1);
  }
  for (int64_t i = 0; i < data.size(); ++i) {
    const size_t c = range.axis < 0 ? 0 : static_cast<size_t>(i / inner) % range.scale.size();
    out.data<float>()[i] = dequantize(q.data<int16_t>()[i], range.scale[c], range.zero_point[c]);
  }
  return out;
}

template <class T>
Tensor zero_points(const QuantRange& range, const Shape& shape) {
  return Tensor::from(std::vector<T>(range.zero_point.begin(), range.zero_point.end()), shape);
}

// Scale and zero point as the last two inputs of both operators.
struct Grid {
  std::string scale, zero;
  Emitter::Attributes attributes;
};

Grid emit_grid(Emitter& out, const Node& node, const QuantRange& range) {
  const Shape shape = range.axis < 0 ? Shape{} : Shape{static_cast<int64_t>(range.scale.size())};
  const Tensor scale = Tensor::from(range.scale, shape);
  const Tensor zero = is_unsigned(range) ? zero_points<uint8_t>(range, shape) : zero_points<int8_t>(range, shape);
  std::string name = out.graph.value(node.inputs[1]).name;
  Grid grid;
  if (name.ends_with("_amax")) {
    grid.scale = out.constant(name.replace(name.size() - 4, 4, "scale"), scale);
  } else {
    grid.scale = out.parameter(node.inputs[1], scale);
  }
  const bool has_zero = node.inputs.size() > 2 && node.inputs[2] != ir::kNone;
  grid.zero = has_zero ? out.parameter(node.inputs[2], zero) : out.constant(node.name + "._zero_point", zero);
  if (range.axis >= 0) grid.attributes["axis"] = int64_t{range.axis};
  return grid;
}

// The file's type clips at its own bounds.
void check_bounds(const Node& node, const QuantRange& range) {
  const bool full = is_unsigned(range) ? range.lo == 0 && range.hi == 255 : range.lo == -128 && range.hi == 127;
  if (full) return;
  fail(Code::kFailure, "[", node.name, "] expected bounds -128..127 or 0..255, got ", range.lo, "..", range.hi,
       "; QuantizeLinear has no others");
}

}  // namespace

void emit_fake_quant(Emitter& out, const ir::Node& node) {
  const QuantRange range = quant_range(out.graph, node);
  const Grid grid = emit_grid(out, node, range);
  const ir::Value& source = out.graph.value(node.inputs[0]);
  const bool weight = out.graph.has_data(node.inputs[0]);
  if (!weight) check_bounds(node, range);
  std::string coded_name;
  if (weight && out.options.int8_weights) {
    coded_name = out.parameter(
        node.inputs[0], is_unsigned(range) ? coded<uint8_t>(source.data, range) : coded<int8_t>(source.data, range));
  } else {
    const std::string from =
        weight ? out.parameter(node.inputs[0], on_grid(source.data, range)) : out.name(node.inputs[0]);
    coded_name = out.unique(node.name + ".q");
    out.add("QuantizeLinear", {from, grid.scale, grid.zero}, coded_name, grid.attributes);
  }
  out.add("DequantizeLinear", {coded_name, grid.scale, grid.zero}, out.name(node.output), grid.attributes);
}

}  // namespace qat::onnxio
