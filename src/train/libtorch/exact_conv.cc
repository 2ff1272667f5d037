// Views of windows, copied to rows; one product a group: see exact_conv.h.
#include "train/libtorch/exact_conv.h"

#include <algorithm>

#include "ir/shapes.h"

namespace qat::train {

namespace {

// Extents of one convolution; c: channels of a group.
struct Windows {
  int64_t groups, c, r, s, oh, ow;
  std::array<int64_t, 2> stride, dilation;

  Windows(const at::Tensor& x, const at::Tensor& w, const ir::ConvAttrs& attrs)
      : groups(attrs.groups),
        c(w.size(1)),
        r(w.size(2)),
        s(w.size(3)),
        oh(extent(x, w, attrs, 0)),
        ow(extent(x, w, attrs, 1)),
        stride{attrs.stride[0], attrs.stride[1]},
        dilation{attrs.dilation[0], attrs.dilation[1]} {}

  int64_t depth() const { return r * s * c; }
  int64_t bytes_per_image(const at::Tensor& x) const {
    return oh * ow * depth() * groups * static_cast<int64_t>(x.element_size());
  }

  // Of padded images: [groups, n oh ow, r s c]. No copy where a window is one pixel of a dense image.
  at::Tensor columns(const at::Tensor& x) const {
    const int64_t n = x.size(0), h = x.stride(2), w = x.stride(3), channel = x.stride(1);
    return x
        .as_strided({groups, n, oh, ow, r, s, c},
                    {c * channel, x.stride(0), h * stride[0], w * stride[1], h * dilation[0], w * dilation[1], channel},
                    x.storage_offset())
        .reshape({groups, n * oh * ow, depth()});
  }

 private:
  static int64_t extent(const at::Tensor& x, const at::Tensor& w, const ir::ConvAttrs& attrs, size_t axis) {
    const auto d = static_cast<int64_t>(axis);
    return ir::output_extent({.in = x.size(2 + d),
                              .kernel = w.size(2 + d),
                              .stride = attrs.stride[axis],
                              .pad_begin = attrs.pads[axis],
                              .pad_end = attrs.pads[axis + 2],
                              .dilation = attrs.dilation[axis]});
  }
};

at::Tensor padded(const at::Tensor& x, const ir::ConvAttrs& attrs) {
  const auto& p = attrs.pads;
  if (p[0] == 0 && p[1] == 0 && p[2] == 0 && p[3] == 0) return x;
  return at::constant_pad_nd(x, {p[1], p[3], p[0], p[2]}, 0);
}

}  // namespace

at::Tensor conv_by_columns(const at::Tensor& x, const at::Tensor& w, const ir::ConvAttrs& attrs) {
  const Windows windows(x, w, attrs);
  const int64_t images = x.size(0), outputs = w.size(0) / windows.groups, pixels = windows.oh * windows.ow;
  // [groups, r s c, outputs of a group]
  const at::Tensor factors =
      w.permute({0, 2, 3, 1}).reshape({windows.groups, outputs, windows.depth()}).transpose(1, 2);
  at::Tensor y = at::empty({images * pixels, windows.groups, outputs}, x.options());
  const int64_t chunk = std::max<int64_t>(1, kColumnBytes / std::max<int64_t>(1, windows.bytes_per_image(x)));
  for (int64_t first = 0; first < images; first += chunk) {
    const int64_t count = std::min(chunk, images - first);
    const at::Tensor columns = windows.columns(padded(x.narrow(0, first, count), attrs));
    at::Tensor rows = y.narrow(0, first * pixels, count * pixels);
    if (windows.groups == 1) {
      at::Tensor product = rows.view({count * pixels, outputs});
      at::mm_out(product, columns[0], factors[0]);
    } else {
      rows.copy_(at::bmm(columns, factors).transpose(0, 1));
    }
  }
  return y.view({images, windows.oh, windows.ow, w.size(0)}).permute({0, 3, 1, 2});
}

}  // namespace qat::train
