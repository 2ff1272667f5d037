// The fields of every attribute struct, once: fields(attrs, visit) calls visit("stride", attrs.stride) for each. JSON
// and tables are made of this.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Attrs: the struct or a const reference to it.
template <class T, class Visit>
void fields(T& a, Visit&& visit) {
  using A = std::remove_const_t<T>;
  if constexpr (std::is_same_v<A, ConvAttrs>) {
    visit("stride", a.stride);
    visit("pads", a.pads);
    visit("dilation", a.dilation);
    visit("groups", a.groups);
    visit("output_padding", a.output_padding);
  } else if constexpr (std::is_same_v<A, PoolAttrs>) {
    visit("kernel", a.kernel);
    visit("stride", a.stride);
    visit("pads", a.pads);
    visit("dilation", a.dilation);
    visit("ceil_mode", a.ceil_mode);
    visit("count_include_pad", a.count_include_pad);
  } else if constexpr (std::is_same_v<A, BatchNormAttrs>) {
    visit("eps", a.eps);
    visit("momentum", a.momentum);
  } else if constexpr (std::is_same_v<A, ClipAttrs>) {
    visit("lo", a.lo);
    visit("hi", a.hi);
  } else if constexpr (std::is_same_v<A, AlphaBetaAttrs>) {
    visit("alpha", a.alpha);
    visit("beta", a.beta);
  } else if constexpr (std::is_same_v<A, AxisAttrs>) {
    visit("axis", a.axis);
  } else if constexpr (std::is_same_v<A, ListAttrs>) {
    visit("values", a.values);
    visit("keep_dims", a.keep_dims);
    visit("value", a.value);
  } else if constexpr (std::is_same_v<A, DropoutAttrs>) {
    visit("p", a.p);
  } else if constexpr (std::is_same_v<A, FakeQuantAttrs>) {
    visit("range", a.range);
    visit("axis", a.axis);
    visit("lo", a.lo);
    visit("hi", a.hi);
  } else if constexpr (std::is_same_v<A, QuantInfo>) {
    visit("scale", a.scale);
    visit("zero_point", a.zero_point);
    visit("lo", a.lo);
    visit("hi", a.hi);
  } else if constexpr (std::is_same_v<A, Epilogue>) {
    visit("activation", a.activation);
    visit("p0", a.p0);
    visit("p1", a.p1);
    visit("has_skip", a.has_skip);
    visit("skip_scale", a.skip_scale);
  } else if constexpr (std::is_same_v<A, FusedConvAttrs>) {
    fields(a.conv, visit);
    fields(a.epilogue, visit);
  } else if constexpr (std::is_same_v<A, FusedGemmAttrs>) {
    fields(a.epilogue, visit);
  } else if constexpr (std::is_same_v<A, RequantAttrs>) {
    visit("scales", a.scales);
    visit("axis", a.axis);
    fields(a.epilogue, visit);
  } else if constexpr (std::is_same_v<A, QPoolAttrs>) {
    fields(a.pool, visit);
    visit("scale", a.scale);
  } else {
    static_assert(std::is_same_v<A, std::monostate>, "attributes without fields");
  }
}

// The alternative of Attrs with this index, default-initialized.
template <size_t I = 0>
Attrs default_attrs(size_t index) {
  if constexpr (I < std::variant_size_v<Attrs>) {
    return index == I ? Attrs(std::variant_alternative_t<I, Attrs>{}) : default_attrs<I + 1>(index);
  } else {
    return {};
  }
}

std::string_view name_of(RangeKind kind);         // "amax", "scale"
std::string_view name_of(Role role);              // "activation", "parameter", "buffer"
std::string_view name_of(Activation activation);  // "none", "clip", "hard_swish", "silu"

}  // namespace qat::ir
