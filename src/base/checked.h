// Checked integer arithmetic for every size that comes from a file or a user.
#pragma once

#include <concepts>

#include "base/error.h"

namespace qat {

// Both throw Error(kBadFile, "<what>: size overflows") instead of wrapping.
template <std::integral T>
T checked_add(T a, T b, const char* what) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) fail(Code::kBadFile, what, ": size overflows");
  return sum;
}

template <std::integral T>
T checked_mul(T a, T b, const char* what) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) fail(Code::kBadFile, what, ": size overflows");
  return product;
}

}  // namespace qat
