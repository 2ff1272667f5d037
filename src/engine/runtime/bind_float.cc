// Float steps: the float library where it has a form for the operator, plain C++ elsewhere.
#include <algorithm>

#include "base/error.h"
#include "engine/runtime/float_plain.h"
#include "engine/runtime/row_step.h"

namespace qat::engine {

using namespace kernels;  // NOLINT: this file is about them

namespace {

const float* f32(const std::byte* p) { return reinterpret_cast<const float*>(p); }
float* f32(std::byte* p) { return reinterpret_cast<float*>(p); }

std::unique_ptr<BoundStep> library_step(std::unique_ptr<FloatStep> step, FloatArgs args) {
  return std::make_unique<LibraryStep>(std::move(step), std::move(args));
}

FloatTensor in_tensor(const BindContext& c, size_t i) {
  return float_tensor(c.view.in(i), c.view.in_extents(i), c.layout);
}

// Plain code knows f32 in NHWC only.
void expect_plain(const BindContext& c) {
  bool ok = c.layout == FloatLayout::kNhwc && c.view.out().storage == Storage::kF32;
  for (size_t i = 0; i < c.step().inputs.size(); ++i) ok = ok && c.view.in(i).storage == Storage::kF32;
  expect(c.step(), ok, "runs on f32 tensors only");
}

void expect_same_channels(const BindContext& c) {
  expect(c.step(), c.view.in(0).channels == c.view.out().channels, "channels differ");
}

}  // namespace

std::unique_ptr<BoundStep> bind_float_layer(const BindContext& c) {
  const FloatConvProblem p = float_conv_problem(c.view, c.layout);
  const int64_t depth = p.x.c / p.groups;
  const float* weights = c.floats_blob(0, p.out_channels * depth * p.kernel_h * p.kernel_w);
  const float* bias = c.floats_blob(1, p.out_channels);
  const std::byte* skip = c.view.has_skip() ? c.in(1) : nullptr;
  if (c.floats != nullptr) {
    return library_step(c.floats->conv(p, weights, bias, c.threads), {.inputs = {c.in(0)}, .skip = skip, .y = c.out()});
  }
  expect_plain(c);
  return row_step("float_conv_plain", p.x.n * p.out_h(),
                  [=, x = f32(c.in(0)), s = skip ? f32(skip) : nullptr, y = f32(c.out())](int64_t row) {
                    plain::conv_row(p, x, weights, bias, s, y, row);
                  });
}

std::unique_ptr<BoundStep> bind_float_conv_transpose(const BindContext& c) {
  expect_plain(c);
  const StepAttrs& a = c.step().attrs;
  const int64_t in = c.view.in(0).channels, out = c.view.out().channels;
  expect(c.step(), in % a.groups == 0 && out % a.groups == 0, "groups do not divide the channels");
  const float* weights = c.floats_blob(0, in * (out / a.groups) * a.kernel[0] * a.kernel[1]);
  const float* bias = c.floats_blob(1, out);
  const plain::TransposeProblem p{a, in, out, c.view.in_extents(0), c.view.out_extents()};
  return row_step(
      "float_conv_transpose_plain", p.out.n * p.out.h,
      [=, x = f32(c.in(0)), y = f32(c.out())](int64_t row) { plain::conv_transpose_row(p, x, weights, bias, y, row); });
}

std::unique_ptr<BoundStep> bind_float_pool(const BindContext& c) {
  const FloatPoolProblem p = float_pool_problem(c.view, c.layout);
  if (c.floats != nullptr) return library_step(c.floats->pool(p, c.threads), {.inputs = {c.in(0)}, .y = c.out()});
  expect_plain(c);
  return row_step("float_pool_plain", p.x.n * p.out_h,
                  [=, x = f32(c.in(0)), y = f32(c.out())](int64_t row) { plain::pool_row(p, x, y, row); });
}

std::unique_ptr<BoundStep> bind_float_concat(const BindContext& c) {
  struct Part {
    const float* x;
    int64_t channels, offset;
  };
  std::vector<Part> parts;
  FloatConcatProblem problem;
  FloatArgs args{.y = c.out()};
  int64_t sum = 0;
  for (size_t i = 0; i < c.step().inputs.size(); ++i) {
    problem.inputs.push_back(in_tensor(c, i));
    args.inputs.push_back(c.in(i));
    parts.push_back({f32(c.in(i)), c.view.in(i).channels, sum});
    sum += c.view.in(i).channels;
  }
  expect(c.step(), sum == c.view.out().channels, "channels do not add up");
  if (c.floats != nullptr) return library_step(c.floats->concat(problem, c.threads), std::move(args));
  expect_plain(c);
  return row_step("float_concat_plain", c.view.out_extents().pixels(), [=, y = f32(c.out())](int64_t pixel) {
    for (const Part& part : parts) {
      std::copy_n(part.x + pixel * part.channels, part.channels, y + pixel * sum + part.offset);
    }
  });
}

namespace {

// Strides of an operand: 0 along what broadcasts.
struct Strides {
  const float* data;
  int64_t n, h, w, c;
};
Strides strides_of(const BindContext& c, size_t i) {
  const Extents& e = c.view.in_extents(i);
  const int64_t channels = c.view.in(i).channels;
  return {f32(c.in(i)), e.n == 1 ? 0 : e.h * e.w * channels, e.h == 1 ? 0 : e.w * channels, e.w == 1 ? 0 : channels,
          channels == 1 ? 0 : 1};
}

bool library_has(const BindContext& c) {
  const FloatFunction f = c.step().attrs.function;
  const bool dynamic = c.view.in(0).constant.size == 0 && c.view.in(1).constant.size == 0;
  return c.floats != nullptr && dynamic && (f == FloatFunction::kAdd || f == FloatFunction::kMul) &&
         c.view.in_extents(0) == c.view.out_extents() && c.view.in(0).channels == c.view.out().channels;
}

}  // namespace

std::unique_ptr<BoundStep> bind_float_binary(const BindContext& c) {
  const int64_t channels = c.view.out().channels, width = c.view.out_extents().w, height = c.view.out_extents().h;
  for (const size_t i : {0, 1}) {
    const int64_t own = c.view.in(i).channels;
    expect(c.step(), own == channels || own == 1, "channels do not broadcast");
  }
  const StepAttrs& attrs = c.step().attrs;
  if (library_has(c)) {
    const FloatBinaryProblem p{.op = attrs.function == FloatFunction::kAdd ? FloatBinary::kAdd : FloatBinary::kMul,
                               .a = in_tensor(c, 0),
                               .b = in_tensor(c, 1),
                               .epilogue = {.activation = attrs.activation, .p0 = attrs.p0, .p1 = attrs.p1}};
    return library_step(c.floats->binary(p, c.threads), {.inputs = {c.in(0), c.in(1)}, .y = c.out()});
  }
  expect_plain(c);
  expect(c.step(), attrs.function <= FloatFunction::kDiv, "is not a function of two values");
  const Strides a = strides_of(c, 0), b = strides_of(c, 1);
  return row_step(
      cat("float_", name_of(attrs.function), "_plain"), c.view.out_extents().n * height,
      [=, f = attrs.function, act = attrs.activation, p0 = attrs.p0, p1 = attrs.p1, y = f32(c.out())](int64_t row) {
        const int64_t n = row / height, h = row % height;
        for (int64_t w = 0; w < width; ++w) {
          const float *x0 = a.data + n * a.n + h * a.h + w * a.w, *x1 = b.data + n * b.n + h * b.h + w * b.w;
          float* out = y + (row * width + w) * channels;
          for (int64_t k = 0; k < channels; ++k) {
            out[k] = activate(plain::apply(f, x0[k * a.c], x1[k * b.c]), act, p0, p1);
          }
        }
      });
}

std::unique_ptr<BoundStep> bind_float_unary(const BindContext& c) {
  expect_same_channels(c);
  const StepAttrs& a = c.step().attrs;
  const Activation known = a.function == FloatFunction::kClip        ? Activation::kClip
                           : a.function == FloatFunction::kHardSwish ? Activation::kHardSwish
                           : a.function == FloatFunction::kSilu      ? Activation::kSilu
                                                                     : Activation::kNone;
  if (c.floats != nullptr && known != Activation::kNone) {
    const float p0 = known == Activation::kHardSwish ? 1.0f / 6.0f : known == Activation::kSilu ? 1.0f : a.p0;
    const FloatActivationProblem p{.x = in_tensor(c, 0), .epilogue = {.activation = known, .p0 = p0, .p1 = a.p1}};
    return library_step(c.floats->activation(p, c.threads), {.inputs = {c.in(0)}, .y = c.out()});
  }
  expect_plain(c);
  expect(c.step(), a.function >= FloatFunction::kClip, "is not a function of one value");
  const int64_t values = c.view.out_extents().w * c.view.out().channels;
  return row_step(cat("float_", name_of(a.function), "_plain"), c.view.out_extents().n * c.view.out_extents().h,
                  [=, f = a.function, p0 = a.p0, p1 = a.p1, x = f32(c.in(0)), y = f32(c.out())](int64_t row) {
                    for (int64_t i = row * values; i < (row + 1) * values; ++i) y[i] = plain::apply(f, x[i], p0, p1);
                  });
}

std::unique_ptr<BoundStep> bind_float_softmax(const BindContext& c) {
  expect_same_channels(c);
  if (c.floats != nullptr && (c.layout != FloatLayout::kNhwc || c.view.out().storage != Storage::kF32)) {
    return library_step(c.floats->softmax({in_tensor(c, 0)}, c.threads), {.inputs = {c.in(0)}, .y = c.out()});
  }
  expect_plain(c);
  return row_step("float_softmax_plain", c.view.out_extents().pixels(),
                  [k = int64_t{c.view.out().channels}, x = f32(c.in(0)), y = f32(c.out())](int64_t pixel) {
                    plain::softmax(x + pixel * k, y + pixel * k, k);
                  });
}

std::unique_ptr<BoundStep> bind_float_pad(const BindContext& c) {
  expect_plain(c);
  expect_same_channels(c);
  const Extents in = c.view.in_extents(0), out = c.view.out_extents();
  const StepAttrs& a = c.step().attrs;
  return row_step("float_pad_plain", out.n * out.h,
                  [=, k = int64_t{c.view.out().channels}, top = a.pads[0], left = a.pads[1], value = a.value,
                   x = f32(c.in(0)), y = f32(c.out())](int64_t row) {
                    const int64_t h = row % out.h - top;
                    for (int64_t w = 0; w < out.w; ++w) {
                      float* pixel = y + (row * out.w + w) * k;
                      const bool inside = h >= 0 && h < in.h && w >= left && w - left < in.w;
                      if (inside) std::copy_n(x + ((row / out.h * in.h + h) * in.w + w - left) * k, k, pixel);
                      if (!inside) std::fill_n(pixel, k, value);
                    }
                  });
}

}  // namespace qat::engine
