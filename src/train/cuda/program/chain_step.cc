// Statistics and application forward, reduction and application backward: see chain_step.h.
#include "train/cuda/program/chain_step.h"

#include <cmath>
#include <utility>

#include "base/error.h"

namespace qat::train::cuda {

namespace {

using ir::kNone;

// What a BatchNorm knows per channel during one pass: forward fills the first four, backward the factors of dx.
enum Row { kMean, kInvstd, kA, kB, kFactorX, kFactorOne, kRows };

// Sums per channel over all ranks, [2 channels].
at::Tensor empty_sums(const Pass& pass, const Pixels& px) {
  return at::empty({2 * px.channels}, pass.target.f32().dtype(at::kDouble));
}

// Nobody else reads it, a view of it neither: it may be written over.
bool is_ours(const at::Tensor& t) { return t.use_count() == 1 && t.storage().use_count() == 1; }

class ChainStep final : public Step {
 public:
  ChainStep(const ChainParts& parts, const Leaves& leaves, const Wanted& wanted)
      : parts_(parts), chain_(parts_.chain), leaves_(leaves) {
    want_x_ = wanted[static_cast<size_t>(chain_.input)];
    want_skip_ = chain_.skip != kNone && wanted[static_cast<size_t>(chain_.skip)];
    learned_ = parts_.quant && parts_.quant->range_gradient != nullptr;
    clips_ = chain_.clip_lo > -INFINITY || chain_.clip_hi < INFINITY || parts_.quant;
  }

  void forward(const Pass& pass) override {
    Saved s;
    s.x = dense(pass.tape.value(chain_.input));
    if (chain_.skip != kNone) take_skip(pass, s);
    const Pixels px(s.x);
    if (parts_.norm) s.coefficients = coefficients(pass, s.x, px);
    at::Tensor y = parts_.in_place ? s.x : empty_like_dense(s.x);
    const bool trains = want_x_ || want_skip_ || parts_.norm || learned_;
    if (trains && clips_) s.mask = at::empty({px.rows * mask_pitch(px.channels)}, pass.target.bytes());
    NormActArgs args{.rows = px.rows,
                     .channels = px.channels,
                     .type = pass.target.type,
                     .x = s.x.const_data_ptr(),
                     .a = row(s, kA),
                     .b = row(s, kB),
                     .skip = s.skip.defined() ? s.skip.const_data_ptr() : nullptr,
                     .clip_lo = chain_.clip_lo,
                     .clip_hi = chain_.clip_hi,
                     .y = y.mutable_data_ptr(),
                     .mask = mask_of(s)};
    if (parts_.quant) args.range = parts_.quant->range, args.peak = parts_.quant->peak;
    if (parts_.quant && parts_.quant->integers) {
      at::Tensor q = at::empty({y.numel()}, pass.target.bytes());
      args.q = reinterpret_cast<int8_t*>(q.mutable_data_ptr<uint8_t>());
      pass.tape.integers(chain_.output) = {.q = std::move(q), .range = args.range};
    }
    pass.target.kernels.norm_act(args, pass.target.stream);
    pass.tape.value(chain_.output) = y;
    if (!parts_.norm && !learned_) s.x = at::Tensor();  // the mask is all that backward needs
    if (!learned_ || s.skip_q.q.defined()) s.skip = at::Tensor();
    s.frozen = pass.bn_frozen;
    if (trains) saved_ = std::move(s);
  }

  void backward(const Pass& pass) override {
    Saved s = std::exchange(saved_, {});
    std::vector<at::Tensor> g = pass.tape.take_gradients(chain_.output);
    if (g.empty()) return;
    for (at::Tensor& part : g) part = dense(part);
    const Pixels px(g[0]);
    at::Tensor masked;  // the gradient behind mask and sum, where somebody reads it besides backward_apply
    if (parts_.norm || learned_) masked = reduce(pass, s, g, px);
    if (masked.defined()) {
      g = {masked};
      s.mask = at::Tensor();
    }
    at::Tensor dx = g[0];
    const bool as_it_is = g.size() == 1 && !s.mask.defined() && !parts_.norm;
    if (!as_it_is && (want_x_ || want_skip_)) dx = apply(pass, s, g, px);
    if (want_x_) pass.tape.add_gradient(chain_.input, dx);
    if (want_skip_) add_skip_gradient(pass, s, parts_.norm ? g[0] : dx);
  }

  const char* kind() const override { return "norm, add, act, quantize"; }

 private:
  // What backward needs of a pass.
  struct Saved {
    at::Tensor x, skip, coefficients, mask;
    Tape::Integers skip_q;            // of a learned range, where there are: they are kept anyway
    std::vector<int64_t> skip_sizes;  // before broadcasting; empty: as x
    bool frozen = false;
  };

  static uint8_t* mask_of(const Saved& s) { return s.mask.defined() ? s.mask.data_ptr<uint8_t>() : nullptr; }
  static float* row(const Saved& s, Row which) {
    return s.coefficients.defined() ? s.coefficients.data_ptr<float>() + which * s.coefficients.size(1) : nullptr;
  }

  void take_skip(const Pass& pass, Saved& s) const {
    at::Tensor skip = pass.tape.value(chain_.skip);
    if (learned_ && skip.sizes() == s.x.sizes() && skip.is_contiguous(at::MemoryFormat::ChannelsLast)) {
      s.skip_q = pass.tape.integers(chain_.skip);
    }
    if (skip.sizes() != s.x.sizes()) {
      const auto wide = at::infer_size(s.x.sizes(), skip.sizes());
      if (s.x.sizes() != at::IntArrayRef(wide)) {
        fail(Code::kBadFile, "[training on cuda] an Add that broadcasts its first operand; train with --device cpu");
      }
      s.skip_sizes = skip.sizes().vec();
      skip = skip.expand(wide);
    }
    s.skip = dense(skip);
  }

  at::Tensor coefficients(const Pass& pass, const at::Tensor& x, const Pixels& px) const {
    const ChainNorm& norm = *parts_.norm;
    at::Tensor rows = at::empty({kRows, px.channels}, pass.target.f32());
    float* out = rows.mutable_data_ptr<float>();
    const float *gamma = leaves_.value(norm.gamma), *beta = leaves_.value(norm.beta);
    float *mean = leaves_.value(norm.running_mean), *var = leaves_.value(norm.running_var);
    if (pass.bn_frozen) {
      pass.target.kernels.frozen_stats({.channels = px.channels,
                                        .gamma = gamma,
                                        .beta = beta,
                                        .running_mean = mean,
                                        .running_var = var,
                                        .eps = norm.eps,
                                        .mean = out + kMean * px.channels,
                                        .invstd = out + kInvstd * px.channels,
                                        .a = out + kA * px.channels,
                                        .b = out + kB * px.channels},
                                       pass.target.stream);
      return rows;
    }
    StatsArgs args{.rows = px.rows,
                   .channels = px.channels,
                   .type = pass.target.type,
                   .x = x.const_data_ptr(),
                   .gamma = gamma,
                   .beta = beta,
                   .eps = norm.eps,
                   .momentum = norm.momentum,
                   .running_mean = mean,
                   .running_var = var,
                   .mean = out + kMean * px.channels,
                   .invstd = out + kInvstd * px.channels,
                   .a = out + kA * px.channels,
                   .b = out + kB * px.channels,
                   .status = {.word = pass.status, .place = norm.place},
                   .workspace = pass.workspace_for(px)};
    const at::Tensor sums = pass.sync_bn != nullptr ? empty_sums(pass, px) : at::Tensor();
    if (sums.defined()) args.sums = sums.mutable_data_ptr<double>();
    pass.target.kernels.stats(args, pass.target.stream);
    if (!sums.defined()) return rows;
    pass.sync_bn->sum(sums);
    pass.sync_bn->finish();
    args.rows = pass.all_rows(px.rows);
    pass.target.kernels.join_stats(args, pass.target.stream);
    return rows;
  }

  // dgamma, dbeta, the factors of dx and the range's gradient. Returns g where it was written.
  at::Tensor reduce(const Pass& pass, const Saved& s, const std::vector<at::Tensor>& g, const Pixels& px) const {
    const bool write = g.size() == 2 || (want_skip_ && s.mask.defined());
    at::Tensor masked;
    if (write) masked = is_ours(g[0]) ? g[0] : empty_like_dense(g[0]);
    BackwardReduceArgs args{.rows = px.rows,
                            .channels = px.channels,
                            .type = pass.target.type,
                            .gradient = g[0].const_data_ptr(),
                            .gradient2 = g.size() == 2 ? g[1].const_data_ptr() : nullptr,
                            .mask = mask_of(s),
                            .x = s.x.const_data_ptr(),
                            .mean = row(s, kMean),
                            .invstd = row(s, kInvstd),
                            .a = row(s, kA),
                            .frozen = s.frozen,
                            .masked = write ? masked.mutable_data_ptr() : nullptr,
                            .b = row(s, kB),
                            .workspace = pass.workspace_for(px)};
    if (parts_.norm) {
      args.dgamma = leaves_.gradient(parts_.norm->gamma), args.dbeta = leaves_.gradient(parts_.norm->beta);
      args.cb = row(s, kFactorX), args.cc = row(s, kFactorOne);
    }
    if (learned_) {
      const int64_t sample = s.x.numel() / std::max<int64_t>(1, s.x.size(0));
      const Range& range = parts_.quant->range;
      args.range_gradient = parts_.quant->range_gradient;
      args.range_factor = static_cast<double>(range.unit) / std::sqrt(static_cast<double>(sample) * range.hi);
      args.range = range;
      args.skip = s.skip.defined() ? s.skip.const_data_ptr() : nullptr;
      if (s.skip_q.q.defined()) {
        args.skip_q = reinterpret_cast<const int8_t*>(s.skip_q.q.const_data_ptr<uint8_t>());
        args.skip_range = s.skip_q.range;
      }
      args.clip_lo = chain_.clip_lo, args.clip_hi = chain_.clip_hi;
    }
    const bool joins = parts_.norm && !s.frozen && pass.sync_bn != nullptr;
    const at::Tensor sums = joins ? empty_sums(pass, px) : at::Tensor();
    if (joins) args.sums = sums.mutable_data_ptr<double>();
    pass.target.kernels.backward_reduce(args, pass.target.stream);
    if (!joins) return masked;
    pass.sync_bn->sum(sums);
    pass.sync_bn->finish();
    args.rows = pass.all_rows(px.rows);
    pass.target.kernels.join_reduce(args, pass.target.stream);
    return masked;
  }

  at::Tensor apply(const Pass& pass, const Saved& s, const std::vector<at::Tensor>& g, const Pixels& px) const {
    // In place where nobody else holds the gradient: the skip's gradient is g itself.
    const bool shared = want_skip_ && parts_.norm;
    at::Tensor dx = !shared && is_ours(g[0]) ? g[0] : empty_like_dense(g[0]);
    BackwardApplyArgs args{.rows = px.rows,
                           .channels = px.channels,
                           .type = pass.target.type,
                           .gradient = g[0].const_data_ptr(),
                           .gradient2 = g.size() == 2 ? g[1].const_data_ptr() : nullptr,
                           .mask = mask_of(s),
                           .dx = dx.mutable_data_ptr()};
    if (parts_.norm) {
      args.ca = row(s, kA);
      if (!s.frozen) {
        args.x = s.x.const_data_ptr();
        args.cb = row(s, kFactorX), args.cc = row(s, kFactorOne);
      }
    }
    pass.target.kernels.backward_apply(args, pass.target.stream);
    return dx;
  }

  void add_skip_gradient(const Pass& pass, const Saved& s, const at::Tensor& g) const {
    pass.tape.add_gradient(chain_.skip, s.skip_sizes.empty() ? g : dense(at::sum_to(g, s.skip_sizes)));
  }

  const ChainParts parts_;
  const Chain& chain_;
  const Leaves& leaves_;
  bool want_x_, want_skip_, learned_, clips_;
  Saved saved_;
};

}  // namespace

void* Pass::workspace_for(const Pixels& px) const {
  const auto need = static_cast<int64_t>(workspace_bytes(px.rows, px.channels));
  if (!workspace.defined() || workspace.numel() < need) workspace = at::zeros({need}, target.bytes());
  return workspace.mutable_data_ptr<uint8_t>();
}

std::unique_ptr<Step> make_chain_step(const ChainParts& parts, const Leaves& leaves, const Wanted& wanted) {
  return std::make_unique<ChainStep>(parts, leaves, wanted);
}

}  // namespace qat::train::cuda
