// Forward: statistics (one pass over x), then everything else (one pass). Backward: sums, then the input's gradient.
#include "train/libtorch/norm_act_step.h"

#include <cmath>
#include <limits>

#include "train/kernels/kernels.h"
#include "train/libtorch/parallel.h"
#include "train/libtorch/pixel_pass.h"

namespace qat::train {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows of the small tensor that the backward pass needs.
enum SavedRow { kMean, kInverse, kFactor, kOffset, kSavedRows };

std::vector<Moments> batch_moments(const at::Tensor& x, const Pixels& px) {
  const float* data = x.const_data_ptr<float>();
  const RowChunks chunks(px.rows, px.channels);
  const auto channels = static_cast<size_t>(px.channels);
  std::vector<double> sums(2 * channels * static_cast<size_t>(chunks.count), 0.0);
  // The first pixel is near enough to the mean for float sums of deviations.
  chunks.run([&](int64_t chunk, int64_t row, int64_t rows) {
    double* sum = sums.data() + 2 * channels * static_cast<size_t>(chunk);
    kernels().stats({.rows = rows,
                     .channels = px.channels,
                     .x = data + row * px.channels,
                     .shift = data,
                     .sum = sum,
                     .sum_squares = sum + channels});
  });
  std::vector<Moments> moments(channels);
  const double n = static_cast<double>(px.rows);
  for (size_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (size_t k = 0; k < static_cast<size_t>(chunks.count); ++k) {
      sum += sums[2 * channels * k + c];
      squares += sums[2 * channels * k + channels + c];
    }
    const double shifted = sum / n;
    moments[c] = {static_cast<double>(data[c]) + shifted, std::max(0.0, squares / n - shifted * shifted)};
  }
  return moments;
}

// Mean and variance to normalize with; in training those of the batch, which also move the running ones.
std::vector<Moments> moments_of(const NormActStep& step, const at::Tensor& x, const Pixels& px) {
  const NormPart& norm = *step.norm;
  if (step.state->training && !step.state->bn_frozen) {
    std::vector<Moments> moments = batch_moments(x, px);
    double n = static_cast<double>(px.rows);
    if (step.state->sync_bn != nullptr) join_moments(*step.state->sync_bn, moments, n);
    const double unbias = n > 1 ? n / (n - 1) : 1.0;
    const double m = static_cast<double>(norm.momentum);
    for (size_t c = 0; c < moments.size(); ++c) {
      if (!std::isfinite(moments[c].mean) || !std::isfinite(moments[c].variance)) {
        if (step.state->not_finite.empty()) step.state->not_finite = norm.name;
      }
      norm.running_mean[c] = static_cast<float>((1 - m) * norm.running_mean[c] + m * moments[c].mean);
      norm.running_var[c] = static_cast<float>((1 - m) * norm.running_var[c] + m * unbias * moments[c].variance);
    }
    return moments;
  }
  std::vector<Moments> moments(static_cast<size_t>(px.channels));
  for (size_t c = 0; c < moments.size(); ++c) moments[c] = {norm.running_mean[c], norm.running_var[c]};
  return moments;
}

at::Tensor affine_of(const NormActStep& step, const at::Tensor& x, const Pixels& px, const at::Tensor& gamma,
                     const at::Tensor& beta) {
  const std::vector<Moments> moments = moments_of(step, x, px);
  at::Tensor saved = at::empty({kSavedRows, px.channels}, x.options().requires_grad(false));
  float* rows = saved.mutable_data_ptr<float>();
  const float *g = gamma.const_data_ptr<float>(), *b = beta.const_data_ptr<float>();
  for (int64_t c = 0; c < px.channels; ++c) {
    const Moments& m = moments[static_cast<size_t>(c)];
    const double inverse = 1.0 / std::sqrt(m.variance + static_cast<double>(step.norm->eps));
    rows[kMean * px.channels + c] = static_cast<float>(m.mean);
    rows[kInverse * px.channels + c] = static_cast<float>(inverse);
    rows[kFactor * px.channels + c] = static_cast<float>(g[c] * inverse);
    rows[kOffset * px.channels + c] = static_cast<float>(b[c] - m.mean * g[c] * inverse);
  }
  return saved;
}

struct ForwardResult {
  at::Tensor y, mask, saved;
};

ForwardResult forward(const NormActStep& step, const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                      const at::Tensor& skip, bool want_mask) {
  const Pixels px(x);
  ForwardResult result{empty_pixels(x), {}, {}};
  NormActArgs args{.channels = px.channels, .clip_lo = step.clip_lo, .clip_hi = step.clip_hi};
  if (step.norm) {
    result.saved = affine_of(step, x, px, gamma, beta);
    args.a = result.saved.const_data_ptr<float>() + kFactor * px.channels;
    args.b = result.saved.const_data_ptr<float>() + kOffset * px.channels;
  }
  if (step.quant) {
    args.scale = step.quant->scale();
    args.quant_lo = step.quant->lo;
    args.quant_hi = step.quant->hi;
  }
  const int64_t pitch = mask_pitch(px.channels);
  if (want_mask) result.mask = at::empty({px.rows * pitch}, x.options().dtype(at::kByte).requires_grad(false));
  const RowChunks chunks(px.rows, px.channels);
  std::vector<float> peaks(static_cast<size_t>(chunks.count), 0.0f);
  const float* in = x.const_data_ptr<float>();
  const float* other = skip.defined() ? skip.const_data_ptr<float>() : nullptr;
  float* out = result.y.mutable_data_ptr<float>();
  uint8_t* mask = want_mask ? result.mask.mutable_data_ptr<uint8_t>() : nullptr;
  chunks.run([&](int64_t chunk, int64_t row, int64_t rows) {
    NormActArgs part = args;
    part.rows = rows;
    part.x = in + row * px.channels;
    part.y = out + row * px.channels;
    part.skip = other == nullptr ? nullptr : other + row * px.channels;
    part.mask = mask == nullptr ? nullptr : mask + row * pitch;
    peaks[static_cast<size_t>(chunk)] = kernels().norm_act(part);
  });
  if (step.quant && step.moving && step.state->training && !peaks.empty()) {
    step.state->peaks.push_back({&*step.quant, *std::max_element(peaks.begin(), peaks.end())});
  }
  return result;
}

struct Sums {
  std::vector<double> g, gx;
};

Sums reduce(const at::Tensor& gradient, const uint8_t* mask, const at::Tensor& x, const float* mean, float* masked) {
  const Pixels px(x);
  const RowChunks chunks(px.rows, px.channels);
  const auto channels = static_cast<size_t>(px.channels);
  std::vector<double> parts(2 * channels * static_cast<size_t>(chunks.count), 0.0);
  const float *g = gradient.const_data_ptr<float>(), *in = x.const_data_ptr<float>();
  const int64_t pitch = mask_pitch(px.channels);
  chunks.run([&](int64_t chunk, int64_t row, int64_t rows) {
    double* sum = parts.data() + 2 * channels * static_cast<size_t>(chunk);
    kernels().backward_reduce({.rows = rows,
                               .channels = px.channels,
                               .gradient = g + row * px.channels,
                               .mask = mask == nullptr ? nullptr : mask + row * pitch,
                               .x = in + row * px.channels,
                               .mean = mean,
                               .masked = masked == nullptr ? nullptr : masked + row * px.channels,
                               .sum = sum,
                               .sum_x = sum + channels});
  });
  Sums sums{std::vector<double>(channels, 0.0), std::vector<double>(channels, 0.0)};
  for (size_t k = 0; k < static_cast<size_t>(chunks.count); ++k) {
    for (size_t c = 0; c < channels; ++c) {
      sums.g[c] += parts[2 * channels * k + c];
      sums.gx[c] += parts[2 * channels * k + channels + c];
    }
  }
  return sums;
}

void apply_gradient(const at::Tensor& gradient, const uint8_t* mask, const at::Tensor& x,
                    const BackwardApplyArgs& factors, at::Tensor& dx) {
  const Pixels px(dx);
  const int64_t pitch = mask_pitch(px.channels);
  const float* g = gradient.const_data_ptr<float>();
  const float* in = x.defined() ? x.const_data_ptr<float>() : nullptr;
  float* out = dx.mutable_data_ptr<float>();
  RowChunks(px.rows, px.channels).run([&](int64_t, int64_t row, int64_t rows) {
    BackwardApplyArgs part = factors;
    part.rows = rows;
    part.channels = px.channels;
    part.gradient = g + row * px.channels;
    part.mask = mask == nullptr ? nullptr : mask + row * pitch;
    part.x = in == nullptr ? nullptr : in + row * px.channels;
    part.dx = out + row * px.channels;
    kernels().backward_apply(part);
  });
}

class NormActFunction : public torch::autograd::Function<NormActFunction> {
 public:
  using Maybe = std::optional<at::Tensor>;  // how LibTorch takes an absent operand

  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const Maybe& gamma, const Maybe& beta,
                            const Maybe& skip, const NormActStep* step) {
    const bool want_mask = step->clips() || step->quant;
    const auto value = [](const Maybe& t) { return t.value_or(at::Tensor()); };
    ForwardResult result = train::forward(*step, x, value(gamma), value(beta), value(skip), want_mask);
    ctx->save_for_backward({step->norm ? x : at::Tensor(), result.mask, result.saved});
    const bool frozen = !step->state->training || step->state->bn_frozen;
    ctx->saved_data["frozen"] = frozen;
    ctx->saved_data["group"] = reinterpret_cast<int64_t>(frozen ? nullptr : step->state->sync_bn);
    ctx->saved_data["skip"] = skip && skip->requires_grad();
    return result.y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor g = dense_pixels(gradients[0]);
    const at::Tensor &x = saved[0], &mask_bits = saved[1];
    const uint8_t* mask = mask_bits.defined() ? mask_bits.const_data_ptr<uint8_t>() : nullptr;
    const bool want_skip = ctx->saved_data["skip"].toBool();
    if (!x.defined()) {  // no norm: the masked gradient serves both operands
      at::Tensor dx = g;
      if (mask != nullptr) dx = empty_pixels(g), apply_gradient(g, mask, {}, {}, dx);
      return {dx, {}, {}, want_skip ? dx : at::Tensor(), {}};
    }
    auto* group = reinterpret_cast<Group*>(ctx->saved_data["group"].toInt());
    return norm_backward({g, mask, x, saved[2], ctx->saved_data["frozen"].toBool(), want_skip, group});
  }

 private:
  struct Backward {
    at::Tensor g;
    const uint8_t* mask;
    at::Tensor x, saved;
    bool frozen, want_skip;
    Group* group;  // whose statistics these are; nullptr: of this process
  };

  static variable_list norm_backward(const Backward& in) {
    const Pixels px(in.x);
    const float* rows = in.saved.const_data_ptr<float>();
    const float *mean = rows + kMean * px.channels, *inverse = rows + kInverse * px.channels;
    at::Tensor masked;  // the skip's gradient
    if (in.want_skip) masked = in.mask != nullptr ? empty_pixels(in.g) : in.g;
    const bool store = in.want_skip && in.mask != nullptr;
    Sums sums = reduce(in.g, in.mask, in.x, mean, store ? masked.mutable_data_ptr<float>() : nullptr);

    const auto options = in.saved.options();
    at::Tensor dgamma = at::empty({px.channels}, options), dbeta = at::empty({px.channels}, options);
    std::vector<float> cb(static_cast<size_t>(px.channels)), cc(cb.size());
    for (int64_t c = 0; c < px.channels; ++c) {
      const auto i = static_cast<size_t>(c);
      dgamma.mutable_data_ptr<float>()[c] = static_cast<float>(sums.gx[i] * static_cast<double>(inverse[c]));
      dbeta.mutable_data_ptr<float>()[c] = static_cast<float>(sums.g[i]);
    }
    double n = static_cast<double>(px.rows);
    if (in.group != nullptr) join_sums(*in.group, sums.g, sums.gx, n);
    for (int64_t c = 0; c < px.channels; ++c) {
      const auto i = static_cast<size_t>(c);
      const double inv = inverse[c], factor = rows[kFactor * px.channels + c];
      const double slope = -factor * inv * inv * sums.gx[i] / n;
      cb[i] = static_cast<float>(slope);
      cc[i] = static_cast<float>(-factor * sums.g[i] / n - slope * static_cast<double>(mean[c]));
    }
    BackwardApplyArgs factors{.ca = rows + kFactor * px.channels};
    if (!in.frozen) factors.cb = cb.data(), factors.cc = cc.data();
    at::Tensor dx = empty_pixels(in.x);
    apply_gradient(store ? masked : in.g, store ? nullptr : in.mask, in.x, factors, dx);
    return {dx, dgamma, dbeta, masked, {}};
  }
};

}  // namespace

namespace {

// Evaluation on a GPU: the running statistics' factors come from the host.
at::Tensor evaluate_on_device(const NormActStep& step, const at::Tensor& x, const at::Tensor& gamma,
                              const at::Tensor& beta, const at::Tensor& skip) {
  PixelPass pass{.clip_lo = step.clip_lo, .clip_hi = step.clip_hi};
  at::Tensor rows;
  if (step.norm) {
    const Pixels px(x);
    rows = affine_of(step, at::empty({0}, at::TensorOptions().dtype(at::kFloat)), px, gamma.cpu(), beta.cpu())
               .to(x.device());
    pass.a = rows.const_data_ptr<float>() + kFactor * px.channels;
    pass.b = rows.const_data_ptr<float>() + kOffset * px.channels;
  }
  if (step.quant) {
    pass.scale = step.quant->scale(), pass.quant_lo = step.quant->lo, pass.quant_hi = step.quant->hi;
  }
  return run_pixels(x, skip, pass);
}

}  // namespace

bool NormActStep::clips() const { return clip_lo > -INFINITY || clip_hi < INFINITY; }

at::Tensor NormActStep::run(const at::Tensor& x, const at::Tensor& gamma, const at::Tensor& beta,
                            const at::Tensor& skip) const {
  if (!x.is_cpu()) return evaluate_on_device(*this, x, gamma, beta, skip);
  const at::Tensor dense = dense_pixels(x), dense_skip = skip.defined() ? dense_pixels(skip) : skip;
  if (at::GradMode::is_enabled()) {
    const auto maybe = [](const at::Tensor& t) { return t.defined() ? std::optional(t) : std::nullopt; };
    return NormActFunction::apply(dense, maybe(gamma), maybe(beta), maybe(dense_skip), this);
  }
  return forward(*this, dense, gamma, beta, dense_skip, false).y;
}

}  // namespace qat::train
