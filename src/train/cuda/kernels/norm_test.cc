// norm_act, the statistics and the backward pass against their twins, bit for bit.
#include "base/text.h"
#include "train/cuda/kernels/both.h"

namespace qat::train::cuda {
namespace {

struct Shape2 {
  int64_t rows, channels;
};
// Odd, prime and small ones, several tiles and column blocks, more than 2,048 channels.
const Shape2 kShapes[] = {{1, 1},    {3, 5},    {2, 8},     {7, 16},    {5, 17},     {301, 24},  {33, 40},   {1000, 3},
                          {129, 64}, {77, 72},  {1025, 96}, {50, 130},  {49, 160},   {13, 1280}, {11, 2048}, {5, 2050},
                          {3, 4104}, {700, 72}, {40000, 8}, {5003, 64}, {20011, 33}, {2, 1000},  {997, 320}};
const Type kTypes[] = {Type::kBF16, Type::kF32};

std::string name(Shape2 s, Type type) { return cat(s.rows, "x", s.channels, type == Type::kBF16 ? " bf16" : " f32"); }

struct Parts {
  bool norm, skip, quant;
  float lo, hi;
};

TEST(NormAct, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  const float inf = INFINITY, scale = 0.0371f;
  const Parts cases[] = {{true, false, true, 0, inf},    {true, true, true, 0, inf},
                         {true, false, false, 0, inf},   {true, false, true, 0, 6},
                         {false, true, false, 0, inf},   {false, false, true, -inf, inf},
                         {true, true, false, -inf, inf}, {true, false, true, -0.5f, 0.5f}};
  for (const Shape2 s : kShapes) {
    for (const Type type : kTypes) {
      const int64_t n = s.rows * s.channels;
      BothTensor x(type, extreme_values(n, scale, 1)), skip(type, extreme_values(n, scale, 2));
      Both<float> a(normal_values(s.channels, 3)), b(normal_values(s.channels, 4, 0.1f)), range({scale * 127});
      for (const Parts& p : cases) {
        BothTensor y(type, n);
        Both<int8_t> q(n);
        Both<uint8_t> mask(s.rows * mask_pitch(s.channels));
        Both<float> peak({0.25f});
        const auto args = [&](bool d) {
          return NormActArgs{.rows = s.rows,
                             .channels = s.channels,
                             .type = type,
                             .x = x.at(d),
                             .a = p.norm ? a.at(d) : nullptr,
                             .b = p.norm ? b.at(d) : nullptr,
                             .skip = p.skip ? skip.at(d) : nullptr,
                             .skip_scale = 0.75f,
                             .clip_lo = p.lo,
                             .clip_hi = p.hi,
                             .range = {.value = p.quant ? range.at(d) : nullptr},
                             .y = y.at(d),
                             .q = p.quant ? q.at(d) : nullptr,
                             .mask = mask.at(d),
                             .peak = peak.at(d)};
        };
        twin_kernels().norm_act(args(false), nullptr);
        device_kernels().norm_act(args(true), nullptr);
        synchronize();
        const std::string what = cat(name(s, type), p.norm ? " norm" : "", p.skip ? " skip" : "",
                                     p.quant ? " quant" : "", " clip ", p.lo, " ", p.hi);
        y.expect_same(what + " y", s.channels);
        if (p.quant) q.expect_same(what + " q", s.channels);
        mask.expect_same(what + " mask", mask_pitch(s.channels));
        peak.expect_same(what + " peak");
        if (HasFailure()) return;
      }
    }
  }
}

// Scales from the smallest to the largest floats, all ones in the mantissa among them, a range of 0, other bounds.
TEST(NormAct, AnyScaleInPlaceAndDequantized) {
  QAT_NEEDS_GPU();
  const int64_t n = 4096;
  for (const float amax :
       {0.0f, 1e-44f, 1e-42f, 1e-37f, 3e-30f, 1e-6f, 0.99999994f * 127, 1.0f, 127.0f, 3e4f, 1e20f, 1e36f}) {
    const float scale = amax / 127 == 0 ? 1 : amax / 127;
    Both<float> x(extreme_values(n, scale, 5)), range({amax});
    Both<int8_t> q(n);
    Both<float> back(n);
    const auto args = [&](bool d) {
      return NormActArgs{.rows = 4,
                         .channels = n / 4,
                         .type = Type::kF32,
                         .x = x.at(d),
                         .range = {.value = range.at(d), .lo = -127},
                         .y = x.at(d),
                         .q = q.at(d)};
    };
    const auto inverse = [&](bool d) {
      return DequantizeArgs{
          .size = n - 3, .type = Type::kF32, .q = q.at(d), .range = {.value = range.at(d)}, .y = back.at(d)};
    };
    for (const bool d : {false, true}) {
      const Kernels& k = d ? device_kernels() : twin_kernels();
      k.norm_act(args(d), nullptr);
      k.dequantize(inverse(d), nullptr);
    }
    synchronize();
    x.expect_same(cat("y, amax ", amax));
    q.expect_same(cat("q, amax ", amax));
    back.expect_same(cat("dequantized, amax ", amax));
  }
}

// A run goes on for a step after a range broke: nothing may hang.
TEST(NormAct, BrokenRangesGiveNan) {
  QAT_NEEDS_GPU();
  for (const float amax : {NAN, INFINITY, -1.0f}) {
    Both<float> x(normal_values(1000, 5)), y(1000), range({amax});
    Both<uint8_t> mask(mask_pitch(1000));
    for (const bool d : {false, true}) {
      (d ? device_kernels() : twin_kernels())
          .norm_act({.rows = 1,
                     .channels = 1000,
                     .type = Type::kF32,
                     .x = x.at(d),
                     .range = {.value = range.at(d)},
                     .y = y.at(d),
                     .mask = mask.at(d)},
                    nullptr);
    }
    synchronize();
    y.expect_same("y"), mask.expect_same("mask");
    EXPECT_TRUE(std::isnan(y.host()[7]));
  }
}

TEST(MoveRanges, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  Both<float> values({0.0f, 2.0f, 3.0f, 1.0f, 1.0f}), units({127, 127, 1, 127, 127}), peaks({4, 5, 6, INFINITY, 0});
  Both<float*> pointers(5), device_pointers(5);
  Both<int32_t> word(1, true);
  for (int i = 0; i < 5; ++i) {
    pointers.host()[static_cast<size_t>(i)] = values.at(false) + i;
    device_pointers.host()[static_cast<size_t>(i)] = values.at(true) + i;
  }
  device_pointers.upload();
  for (const bool d : {false, true}) {
    (d ? device_kernels() : twin_kernels())
        .move_ranges({.count = 5,
                      .ranges = d ? device_pointers.at(true) : pointers.at(false),
                      .units = units.at(d),
                      .peaks = peaks.at(d),
                      .momentum = 0.01f,
                      .status = {word.at(d), 10}},
                     nullptr);
  }
  synchronize();
  values.expect_same("ranges");
  peaks.expect_same("peaks");
  word.expect_same("status");
  EXPECT_EQ(place_of(word.host()[0]), 13);
  EXPECT_EQ(values.host()[0], 4.0f);
}

TEST(Stats, EqualTheTwin) {
  QAT_NEEDS_GPU();
  for (const Shape2 s : kShapes) {
    for (const Type type : kTypes) {
      for (const bool broken : {false, true}) {
        std::vector<float> values = normal_values(s.rows * s.channels, 6, 30.0f, 2.0f);
        if (broken) values.back() = NAN;
        BothTensor x(type, values);
        Both<float> gamma(normal_values(s.channels, 7)), beta(normal_values(s.channels, 8));
        Both<float> running_mean(normal_values(s.channels, 9)), running_var(normal_values(s.channels, 10, 9.0f));
        Both<float> mean(s.channels), invstd(s.channels), a(s.channels), b(s.channels);
        Both<char> workspace(static_cast<int64_t>(workspace_bytes(s.rows, s.channels)), true);
        Both<int32_t> word(1, true);
        for (const bool d : {false, true}) {
          // Twice: the counters must be 0 again.
          for (int k = 0; k < 2; ++k) {
            (d ? device_kernels() : twin_kernels())
                .stats({.rows = s.rows,
                        .channels = s.channels,
                        .type = type,
                        .x = x.at(d),
                        .gamma = gamma.at(d),
                        .beta = beta.at(d),
                        .running_mean = running_mean.at(d),
                        .running_var = running_var.at(d),
                        .mean = mean.at(d),
                        .invstd = invstd.at(d),
                        .a = a.at(d),
                        .b = b.at(d),
                        .status = {word.at(d), 5},
                        .workspace = workspace.at(d)},
                       nullptr);
          }
        }
        synchronize();
        for (const auto& [what, tensor] : {std::pair{"mean", &mean},
                                           {"invstd", &invstd},
                                           {"a", &a},
                                           {"b", &b},
                                           {"running mean", &running_mean},
                                           {"running var", &running_var}}) {
          tensor->expect_same(name(s, type) + " " + what);
        }
        word.expect_same("status");
        EXPECT_EQ(word.host()[0] != 0, broken);
        if (HasFailure()) return;
      }
    }
  }
}

TEST(FrozenStats, EqualTheTwin) {
  QAT_NEEDS_GPU();
  const int64_t c = 1001;
  Both<float> gamma(normal_values(c, 7)), beta(normal_values(c, 8)), mean(normal_values(c, 9)),
      var(normal_values(c, 10, 9.0f));
  Both<float> out(4 * c);
  for (const bool d : {false, true}) {
    float* o = out.at(d);
    (d ? device_kernels() : twin_kernels())
        .frozen_stats({.channels = c,
                       .gamma = gamma.at(d),
                       .beta = beta.at(d),
                       .running_mean = mean.at(d),
                       .running_var = var.at(d),
                       .mean = o,
                       .invstd = o + c,
                       .a = o + 2 * c,
                       .b = o + 3 * c},
                      nullptr);
  }
  synchronize();
  out.expect_same("factors", c);
}

struct BackwardCase {
  bool norm, two, masked, store, skip, learned, frozen, integers = false;
};

TEST(Backward, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  const BackwardCase cases[] = {
      {true, false, true, false, false, false, false},   {true, true, true, true, false, false, false},
      {true, false, true, true, false, false, true},     {true, false, false, false, false, false, false},
      {true, true, true, true, true, true, false},       {true, false, true, false, false, true, false},
      {false, false, true, true, false, true, false},    {false, true, true, true, false, false, false},
      {true, true, true, true, true, true, false, true}, {true, false, true, false, true, true, false, true}};
  for (const Shape2 s : kShapes) {
    for (const Type type : kTypes) {
      const int64_t n = s.rows * s.channels, c = s.channels;
      BothTensor g(type, normal_values(n, 11, 0.01f)), g2(type, normal_values(n, 12)),
          x(type, normal_values(n, 13, 3.0f));
      BothTensor skip(type, normal_values(n, 14));
      Both<uint8_t> skip_q(random_bytes(n, 20));
      Both<float> skip_range({3.1f});
      Both<uint8_t> mask(random_bytes(s.rows * mask_pitch(c), 15));
      Both<float> mean(normal_values(c, 16, 3.0f, 0.1f)), invstd(normal_values(c, 17, 1.0f, 0.1f)),
          a(normal_values(c, 18));
      Both<float> b(normal_values(c, 19)), range({2.5f});
      Both<char> workspace(static_cast<int64_t>(workspace_bytes(s.rows, c)), true);
      for (const BackwardCase& k : cases) {
        BothTensor masked(type, n), dx(type, n);
        Both<float> dgamma(c), dbeta(c), cb(c), cc(c), dr(1);
        Both<int32_t> word(1, true);
        for (const bool d : {false, true}) {
          const Kernels& table = d ? device_kernels() : twin_kernels();
          table.backward_reduce({.rows = s.rows,
                                 .channels = c,
                                 .type = type,
                                 .gradient = g.at(d),
                                 .gradient2 = k.two ? g2.at(d) : nullptr,
                                 .mask = k.masked ? mask.at(d) : nullptr,
                                 .x = x.at(d),
                                 .mean = k.norm ? mean.at(d) : nullptr,
                                 .invstd = k.norm ? invstd.at(d) : nullptr,
                                 .a = k.norm ? a.at(d) : nullptr,
                                 .frozen = k.frozen,
                                 .dgamma = dgamma.at(d),
                                 .dbeta = dbeta.at(d),
                                 .cb = cb.at(d),
                                 .cc = cc.at(d),
                                 .masked = k.store ? masked.at(d) : nullptr,
                                 .status = {word.at(d), 1},
                                 .range_gradient = k.learned ? dr.at(d) : nullptr,
                                 .range_factor = 0.3,
                                 .range = {.value = range.at(d)},
                                 .b = k.norm ? b.at(d) : nullptr,
                                 .skip = k.skip && !k.integers ? skip.at(d) : nullptr,
                                 .skip_q = k.integers ? reinterpret_cast<const int8_t*>(skip_q.at(d)) : nullptr,
                                 .skip_range = {.value = skip_range.at(d)},
                                 .skip_scale = 0.5f,
                                 .clip_lo = 0,
                                 .workspace = workspace.at(d)},
                                nullptr);
          table.backward_apply({.rows = s.rows,
                                .channels = c,
                                .type = type,
                                .gradient = k.store ? masked.at(d) : g.at(d),
                                .mask = k.masked && !k.store ? mask.at(d) : nullptr,
                                .x = k.norm ? x.at(d) : nullptr,
                                .ca = k.norm ? a.at(d) : nullptr,
                                .cb = k.norm ? cb.at(d) : nullptr,
                                .cc = k.norm ? cc.at(d) : nullptr,
                                .dx = dx.at(d)},
                               nullptr);
        }
        synchronize();
        const std::string what = cat(name(s, type), " case ", &k - cases);
        if (k.store) masked.expect_same(what + " masked", c);
        if (k.norm) dgamma.expect_same(what + " dgamma"), dbeta.expect_same(what + " dbeta");
        if (k.norm) cb.expect_same(what + " cb"), cc.expect_same(what + " cc");
        if (k.learned) dr.expect_same(what + " range gradient");
        dx.expect_same(what + " dx", c);
        word.expect_same(what + " status");
        if (HasFailure()) return;
      }
    }
  }
}

TEST(BackwardApply, TwoGradientsInPlace) {
  QAT_NEEDS_GPU();
  for (const Shape2 s : kShapes) {
    const int64_t n = s.rows * s.channels;
    BothTensor g(Type::kBF16, normal_values(n, 20)), g2(Type::kBF16, normal_values(n, 21));
    Both<uint8_t> mask(random_bytes(s.rows * mask_pitch(s.channels), 22));
    for (const bool d : {false, true}) {
      (d ? device_kernels() : twin_kernels())
          .backward_apply({.rows = s.rows,
                           .channels = s.channels,
                           .gradient = g.at(d),
                           .gradient2 = g2.at(d),
                           .mask = mask.at(d),
                           .dx = g.at(d)},
                          nullptr);
    }
    synchronize();
    g.expect_same(name(s, Type::kBF16), s.channels);
  }
}

}  // namespace
}  // namespace qat::train::cuda
