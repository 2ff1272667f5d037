// Reads and checks the attributes of a sliding window.
#include "io/onnx/import/window.h"

#include <algorithm>

namespace qat::onnxio {

namespace {

constexpr int64_t kLimit = 1 << 20;

template <size_t N>
std::array<int64_t, N> extents(const Node& node, const char* key, std::array<int64_t, N> fallback, int64_t least) {
  const auto values = node.integers(key, {fallback.begin(), fallback.end()});
  if (values.size() == 1 || (values.size() > N && N == 2)) throw Unsupported{"is not over two dimensions"};
  if (values.size() != N)
    fail(Code::kBadFile, node.label(), " expected ", N, " values of ", key, ", got ", values.size());
  std::array<int64_t, N> out;
  std::copy(values.begin(), values.end(), out.begin());
  for (const int64_t value : out) {
    if (value < least || value > kLimit) {
      fail(Code::kBadFile, node.label(), " expected ", key, " of ", least, " to ", kLimit, ", got ", value);
    }
  }
  return out;
}

// Output = ceil(input / stride); the odd pixel goes to the end (UPPER) or the beginning (LOWER).
void same_pads(Importer& in, const Node& node, bool upper, WindowAttrs& window) {
  const ir::Dims dims = in.dims(in.value(node, 0));
  if (dims.size() != 4) throw Unsupported{"is not over two dimensions"};
  for (size_t i = 0; i < 2; ++i) {
    const int64_t reach = window.dilation[i] * (window.kernel[i] - 1) + 1;
    int64_t total = reach - 1;
    if (window.stride[i] != 1) {
      const int64_t size = dims[i + 2];
      if (size == ir::kDynamic) {
        throw Unsupported{
            "has auto_pad with a stride, which needs a fixed height and width; export with explicit pads"};
      }
      const int64_t out = (size + window.stride[i] - 1) / window.stride[i];
      total = std::max<int64_t>(0, (out - 1) * window.stride[i] + reach - size);
    }
    window.pads[i] = upper ? total / 2 : total - total / 2;
    window.pads[i + 2] = total - window.pads[i];
  }
}

}  // namespace

WindowAttrs window_attrs(Importer& in, const Node& node, std::array<int64_t, 2> kernel) {
  WindowAttrs window;
  if (kernel[0] == 0 && !node.has("kernel_shape")) fail(Code::kBadFile, node.label(), " expected a kernel_shape");
  window.kernel = extents<2>(node, "kernel_shape", kernel, 1);
  window.stride = extents<2>(node, "strides", {1, 1}, 1);
  window.dilation = extents<2>(node, "dilations", {1, 1}, 1);
  const std::string mode = node.text("auto_pad", "NOTSET");
  if (mode == "NOTSET") {
    window.pads = extents<4>(node, "pads", {0, 0, 0, 0}, 0);
  } else if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    same_pads(in, node, mode == "SAME_UPPER", window);
  } else if (mode != "VALID") {
    fail(Code::kBadFile, node.label(), " unknown auto_pad \"", mode, "\"");
  }
  return window;
}

}  // namespace qat::onnxio
