// Pools and means.
#include <algorithm>

#include "io/onnx/import/table.h"
#include "io/onnx/import/window.h"

namespace qat::onnxio {

namespace {

ir::PoolAttrs pool_attrs(Importer& in, const Node& node) {
  const WindowAttrs window = window_attrs(in, node, {0, 0});
  return {.kernel = window.kernel,
          .stride = window.stride,
          .pads = window.pads,
          .dilation = window.dilation,
          .ceil_mode = node.integer("ceil_mode", 0) != 0,
          .count_include_pad = node.integer("count_include_pad", 0) != 0};
}

// [N,C,1,1], or [N,C] without the ones.
void add_global_mean(Importer& in, const Node& node, bool keep_dims) {
  const std::string name = in.module(node);
  ir::ValueId mean = in.add(ir::Op::kGlobalAvgPool, name, {in.value(node, 0)});
  if (!keep_dims) mean = in.add(ir::Op::kFlatten, name + ".flatten", {mean}, ir::AxisAttrs{.axis = 1});
  in.set(node, mean);
}

}  // namespace

void import_max_pool(Importer& in, const Node& node) {
  if (node.integer("storage_order", 0) != 0) throw Unsupported{"has storage_order"};
  in.set(node, in.add(ir::Op::kMaxPool, in.module(node), {in.value(node, 0)}, pool_attrs(in, node)));
}

// Over the whole image it is the global one, and the size may vary then.
void import_avg_pool(Importer& in, const Node& node) {
  const ir::PoolAttrs attrs = pool_attrs(in, node);
  if (attrs.dilation != std::array<int64_t, 2>{1, 1}) throw Unsupported{"is dilated"};
  const ir::Dims dims = in.dims(in.value(node, 0));
  const bool padded = attrs.pads != std::array<int64_t, 4>{0, 0, 0, 0};
  if (!padded && dims.size() == 4 && dims[2] == attrs.kernel[0] && dims[3] == attrs.kernel[1]) {
    add_global_mean(in, node, /*keep_dims=*/true);
  } else {
    in.set(node, in.add(ir::Op::kAvgPool, in.module(node), {in.value(node, 0)}, attrs));
  }
}

void import_global_avg_pool(Importer& in, const Node& node) { add_global_mean(in, node, /*keep_dims=*/true); }

void import_reduce_mean(Importer& in, const Node& node) {
  std::vector<int64_t> axes = node.integers("axes", {});
  if (in.opset() >= 18 && node.has_input(1)) axes = in.integers(node, 1, "axes");
  const ir::ValueId x = in.value(node, 0);
  const int64_t rank = in.rank(x);
  if (axes.empty() && node.integer("noop_with_empty_axes", 0) != 0) return in.set(node, x);
  if (axes.empty()) {
    for (int64_t axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  for (int64_t& axis : axes) axis = normalize_axis(node, axis, rank);
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const bool keep_dims = node.integer("keepdims", 1) != 0;
  if (rank == 4 && axes == std::vector<int64_t>{2, 3}) return add_global_mean(in, node, keep_dims);
  const ir::ListAttrs attrs{.values = axes, .keep_dims = keep_dims};
  in.set(node, in.add(ir::Op::kReduceMean, in.module(node), {x}, attrs));
}

}  // namespace qat::onnxio
