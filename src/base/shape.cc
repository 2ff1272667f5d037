// Shape products and text: see shape.h.
#include "base/shape.h"

#include "base/checked.h"

namespace qat {

int64_t count(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t extent : shape) {
    if (extent < 0) fail(Code::kBadFile, "shape ", to_string(shape), " has a negative extent");
    product = checked_mul(product, extent, "shape");
  }
  if (product > (int64_t{1} << 62)) fail(Code::kBadFile, "shape ", to_string(shape), ": size overflows");
  return product;
}

std::string to_string(const Shape& shape) { return shape.empty() ? "scalar" : join(shape, "x"); }

}  // namespace qat
