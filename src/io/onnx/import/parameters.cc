// Known tensors as parameters and buffers of the graph, and their quantizers.
#include <algorithm>

#include "io/onnx/import/importer.h"

namespace qat::onnxio {

Tensor transposed(const Tensor& matrix) {
  const int64_t rows = matrix.dim(0), columns = matrix.dim(1);
  Tensor out(matrix.type(), {columns, rows});
  const size_t size = size_of(matrix.type());
  const auto* from = static_cast<const char*>(matrix.raw());
  auto* to = static_cast<char*>(out.raw());
  for (int64_t c = 0; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) to = std::copy_n(from + static_cast<size_t>(r * columns + c) * size, size, to);
  }
  return out;
}

namespace {

// "layer1.0.conv1.weight" -> "layer1.0.conv1._weight_quantizer", as pytorch-quantization names them.
std::string quantizer_of(const std::string& parameter) {
  const bool weight = parameter.ends_with(".weight");
  return (weight ? parameter.substr(0, parameter.size() - 7) : parameter) + "._weight_quantizer";
}

}  // namespace

Tensor Importer::parameter_data(const Known& known, const Use& use) {
  if (!is_float(known.data.type())) throw Unsupported{cat("reads ", known.name, " as ", name_of(known.data.type()))};
  // The first reader takes the file's buffer, so that weights are not held twice.
  const bool fresh = taken_.insert(known.data.raw()).second;
  Tensor data =
      known.data.type() != DType::kF32 ? known.data.to(DType::kF32) : (fresh ? known.data : known.data.clone());
  if (data.shape().empty()) data = data.reshaped({1});
  if (use.transpose) data = transposed(data);
  if (use.factor != 1.0f) {
    data = data.clone();
    for (float& x : data.data<float>()) x *= use.factor;
  }
  return data;
}

ir::ValueId Importer::parameter(const Known& known, const Use& use) {
  const std::string key = cat(known.name, "|", known.data.raw(), "|", use.transpose, "|", use.factor);
  auto made = made_.find(key);
  if (made == made_.end()) {
    const std::string name = unique(is_made_up(known.name) && !use.name.empty() ? use.name : known.name);
    Tensor data = parameter_data(known, use);
    const ir::ValueId id = use.role == ir::Role::kParameter ? graph.add_parameter(name, std::move(data))
                                                            : graph.add_buffer(name, std::move(data));
    made = made_.emplace(key, id).first;
  }
  if (!known.grid) return made->second;
  // A tied weight is one parameter, but each of its readers may have a grid of its own.
  Grid grid = *known.grid;
  if (use.transpose && grid.axis >= 0) grid.axis = 1 - grid.axis;
  for (float& scale : grid.scale) scale *= use.factor;
  return fake_quant_once(made->second, grid, quantizer_of(graph.value(made->second).name));
}

ir::ValueId Importer::fake_quant(ir::ValueId source, const Grid& grid, const std::string& name) {
  const Shape shape{static_cast<int64_t>(grid.scale.size())};
  const std::string own = unique(name);
  const std::string scale_name = is_made_up(grid.name) ? own + "._scale" : grid.name;
  std::vector<ir::ValueId> inputs{source, graph.add_buffer(unique(scale_name), Tensor::from(grid.scale, shape))};
  const bool zero = std::all_of(grid.zero.begin(), grid.zero.end(), [](float z) { return z == 0.0f; });
  if (!zero || grid.lo == 0) {
    inputs.push_back(graph.add_buffer(unique(own + "._zero_point"), Tensor::from(grid.zero, shape)));
  }
  const ir::FakeQuantAttrs attrs{.range = ir::RangeKind::kScale, .axis = grid.axis, .lo = grid.lo, .hi = grid.hi};
  const ir::ValueId output = graph.add_node(ir::Op::kFakeQuant, own, std::move(inputs), attrs);
  producers_[output] = graph.nodes.size() - 1;
  return output;
}

ir::ValueId Importer::fake_quant_once(ir::ValueId source, const Grid& grid, const std::string& name) {
  const auto [first, last] = quantizers_.equal_range(source);
  for (auto it = first; it != last; ++it) {
    if (it->second.first.same(grid)) return it->second.second;
  }
  const ir::ValueId output = fake_quant(source, grid, name);
  quantizers_.emplace(source, std::pair{grid, output});
  return output;
}

}  // namespace qat::onnxio
