// QuantizeLinear and DequantizeLinear: a pair is a FakeQuant, one behind a constant is a parameter on a grid.
#include <algorithm>
#include <cmath>
#include <span>
#include <type_traits>

#include "io/onnx/import/table.h"

namespace qat::onnxio {

namespace {

std::vector<float> scales_of(Importer& in, const Node& node) {
  auto scales = in.floats(node, 1, "the scale");
  if (scales.empty()) fail(Code::kBadFile, node.label(), " expected a scale, got none");
  for (const float scale : scales) {
    if (!(scale > 0.0f) || !std::isfinite(scale)) {
      fail(Code::kBadFile, node.label(), " expected positive finite scales, got ", scale);
    }
  }
  return scales;
}

struct Limits {
  int lo, hi;
};

// Bounds of a type that FakeQuant covers.
Limits limits_of(DType type) {
  if (type == DType::kI8) return {-128, 127};
  if (type == DType::kU8) return {0, 255};
  throw Unsupported{cat("quantizes to ", name_of(type), "; int8 and uint8 are supported")};
}

// What a QuantizeLinear makes: its zero point's type, or output_dtype, or uint8.
DType type_of(Importer& in, const Node& node) {
  if (node.has_input(2)) return in.constant(node, 2, "the zero point").data.type();
  const int64_t type = node.integer("output_dtype", 0);  // TensorProto: 0 undefined, 2 UINT8, 3 INT8
  if (type != 0 && type != 2 && type != 3) throw Unsupported{cat("quantizes to element type ", type)};
  return type == 3 ? DType::kI8 : DType::kU8;
}

// type: of the quantized tensor, which its zero point shares.
void read_zero(Importer& in, const Node& node, DType type, Grid& grid) {
  grid.zero.assign(grid.scale.size(), 0.0f);
  if (!node.has_input(2)) return;
  const Tensor& zero = in.constant(node, 2, "the zero point").data;
  if (zero.type() != type) {
    fail(Code::kBadFile, node.label(), " expected a zero point of ", name_of(type), ", got ", name_of(zero.type()));
  }
  if (zero.size() != static_cast<int64_t>(grid.scale.size())) {
    fail(Code::kBadFile, node.label(), " expected ", grid.scale.size(), " zero points, got ", zero.size());
  }
  const Tensor wide = zero.to(DType::kF32);
  std::copy(wide.data<float>().begin(), wide.data<float>().end(), grid.zero.begin());
}

// Scales per channel must fit the tensor's extent on their axis. One scale is one for the whole tensor.
void read_axis(Importer& in, const Node& node, const ir::Dims& dims, Grid& grid) {
  if (node.integer("block_size", 0) != 0) throw Unsupported{"quantizes in blocks"};
  if (in.constant(node, 1, "the scale").data.shape().size() > 1) throw Unsupported{"has a scale of several dimensions"};
  if (grid.scale.size() == 1) return;
  const int64_t axis = normalize_axis(node, node.integer("axis", 1), static_cast<int64_t>(dims.size()));
  if (dims[axis] != static_cast<int64_t>(grid.scale.size())) {
    fail(Code::kBadFile, node.label(), " expected ", dims[axis], " scales on axis ", axis, ", got ", grid.scale.size());
  }
  grid.axis = static_cast<int>(axis);
}

Grid read_grid(Importer& in, const Node& node, const ir::Dims& dims, DType type) {
  Grid grid{.scale = scales_of(in, node), .name = in.known(node, 1)->name};
  read_zero(in, node, type, grid);
  if (type != DType::kI32) {
    const Limits limits = limits_of(type);
    grid.lo = limits.lo;
    grid.hi = limits.hi;
  }
  read_axis(in, node, dims, grid);
  return grid;
}

// x = (q - zero) scale in float32, as the operator defines it; a run of equal channel at a time.
template <class T>
Tensor dequantized(const Tensor& q, const Grid& grid) {
  const std::span<const T> from = q.data<T>();
  Tensor out(DType::kF32, q.shape());
  const std::span<float> to = out.data<float>();
  size_t inner = grid.axis < 0 ? from.size() : 1;
  for (size_t i = q.shape().size(); grid.axis >= 0 && static_cast<int>(i) > grid.axis + 1; --i) inner *= q.dim(i - 1);
  for (size_t begin = 0, run = 0; begin < from.size(); begin += inner, ++run) {
    const size_t channel = run % grid.scale.size();
    const float scale = grid.scale[channel];
    const auto zero = static_cast<int64_t>(grid.zero[channel]);
    // int32 - zero may leave int32; of a byte, it cannot.
    using Wide = std::conditional_t<sizeof(T) == 1, int32_t, int64_t>;
    for (size_t i = begin; i < begin + inner; ++i) to[i] = static_cast<float>(Wide{from[i]} - Wide(zero)) * scale;
  }
  return out;
}

Tensor dequantized(const Tensor& q, const Grid& grid) {
  if (q.type() == DType::kI8) return dequantized<int8_t>(q, grid);
  if (q.type() == DType::kU8) return dequantized<uint8_t>(q, grid);
  return dequantized<int32_t>(q, grid);
}

// Weights on their grid, or an int32 bias, which is nothing but a float one written differently.
Known dequantize_constant(Importer& in, const Node& node, const Known& q) {
  const DType type = q.data.type();
  if (type != DType::kI32) limits_of(type);
  const Grid grid = read_grid(in, node, q.data.shape(), type);
  in.charge(static_cast<size_t>(q.data.size()) * sizeof(float));
  std::string name = q.name;
  if (name.ends_with("_quantized")) name.resize(name.size() - 10);  // what ONNX Runtime appends
  Known out{.data = dequantized(q.data, grid), .name = name};
  if (type != DType::kI32) out.grid = grid;
  return out;
}

std::string quantizer_name(const Importer& in, ir::ValueId source, const Grid& grid) {
  if (grid.name.ends_with("._scale")) return grid.name.substr(0, grid.name.size() - 7);  // our own files
  return in.graph.value(source).name + "._output_quantizer";
}

}  // namespace

void import_quantize(Importer& in, const Node& node) {
  const Slot& from = in.slot(node, 0);
  const DType type = type_of(in, node);
  if (const auto* id = std::get_if<ir::ValueId>(&from)) {
    const ir::Dims dims = in.dims(*id);
    return in.set(node, Quantized{.source = *id, .grid = read_grid(in, node, dims, type), .type = type});
  }
  const auto* known = std::get_if<Known>(&from);
  if (known == nullptr || !is_float(known->data.type())) throw Unsupported{"quantizes what is not a float tensor"};
  // Numbers on a grid already (of weights that are shared, each reader quantizes again) are floats like any others.
  in.set(node, Quantized{.source = Known{.data = known->data, .name = known->name},
                         .grid = read_grid(in, node, known->data.shape(), type),
                         .type = type});
}

void import_dequantize(Importer& in, const Node& node) {
  const Slot& from = in.slot(node, 0);
  if (const auto* known = std::get_if<Known>(&from)) return in.set(node, dequantize_constant(in, node, *known));
  const auto* quantized = std::get_if<Quantized>(&from);
  if (quantized == nullptr) throw Unsupported{"dequantizes what no QuantizeLinear made"};
  const auto* id = std::get_if<ir::ValueId>(&quantized->source);
  const ir::Dims dims = id != nullptr ? in.dims(*id) : std::get<Known>(quantized->source).data.shape();
  Grid grid = read_grid(in, node, dims, quantized->type);
  grid.lo = quantized->grid.lo;  // a Clip in between may have narrowed them
  grid.hi = quantized->grid.hi;
  if (!grid.same(quantized->grid)) {
    fail(Code::kBadFile, node.label(), " expected the scale and zero point of its QuantizeLinear, got others");
  }
  if (id == nullptr) {
    Known known = std::get<Known>(quantized->source);
    known.grid = grid;
    return in.set(node, known);
  }
  in.set(node, in.fake_quant_once(*id, grid, quantizer_name(in, *id, grid)));
}

}  // namespace qat::onnxio
