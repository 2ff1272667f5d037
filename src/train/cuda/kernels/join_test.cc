// BatchNorm over the ranks of a run: sums that are added up elsewhere, and what is made of them, against the twins.
#include "base/text.h"
#include "train/cuda/kernels/both.h"

namespace qat::train::cuda {
namespace {

constexpr std::pair<int64_t, int64_t> kShapes[] = {{1, 1},    {7, 16},   {301, 24}, {1000, 3},
                                                   {50, 130}, {5, 2050}, {40000, 8}};

TEST(JoinedStats, EqualTheTwin) {
  QAT_NEEDS_GPU();
  for (const auto& [rows, channels] : kShapes) {
    for (const Type type : {Type::kBF16, Type::kF32}) {
      BothTensor x(type, normal_values(rows * channels, 6, 30.0f, 2.0f));
      Both<float> gamma(normal_values(channels, 7)), beta(normal_values(channels, 8));
      Both<float> running_mean(normal_values(channels, 9)), running_var(normal_values(channels, 10, 9.0f));
      Both<float> mean(channels), invstd(channels), a(channels), b(channels);
      Both<double> sums(2 * channels);
      Both<char> workspace(static_cast<int64_t>(workspace_bytes(rows, channels)), true);
      Both<int32_t> word(1, true);
      for (const bool d : {false, true}) {
        StatsArgs args{.rows = rows,
                       .channels = channels,
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
                       .sums = sums.at(d),
                       .workspace = workspace.at(d)};
        const Kernels& kernels = d ? device_kernels() : twin_kernels();
        kernels.stats(args, nullptr);
        args.rows = 3 * rows;  // as if other ranks had added nothing but rows
        kernels.join_stats(args, nullptr);
      }
      synchronize();
      const std::string name = cat(rows, "x", channels, type == Type::kBF16 ? " bf16 " : " f32 ");
      sums.expect_same(name + "sums");
      for (const auto& [what, tensor] : {std::pair{"mean", &mean},
                                         {"invstd", &invstd},
                                         {"a", &a},
                                         {"b", &b},
                                         {"running mean", &running_mean},
                                         {"running var", &running_var}}) {
        tensor->expect_same(name + what);
      }
      word.expect_same("status");
      if (HasFailure()) return;
    }
  }
}

TEST(JoinedReduce, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  for (const auto& [rows, channels] : kShapes) {
    BothTensor x(Type::kBF16, normal_values(rows * channels, 1)),
        gradient(Type::kBF16, normal_values(rows * channels, 2));
    Both<float> mean(normal_values(channels, 3)), invstd(normal_values(channels, 4, 2.0f)),
        a(normal_values(channels, 5));
    Both<float> dgamma(channels), dbeta(channels), cb(channels), cc(channels);
    Both<double> sums(2 * channels);
    Both<char> workspace(static_cast<int64_t>(workspace_bytes(rows, channels)), true);
    for (const bool d : {false, true}) {
      BackwardReduceArgs args{.rows = rows,
                              .channels = channels,
                              .gradient = gradient.at(d),
                              .x = x.at(d),
                              .mean = mean.at(d),
                              .invstd = invstd.at(d),
                              .a = a.at(d),
                              .dgamma = dgamma.at(d),
                              .dbeta = dbeta.at(d),
                              .cb = cb.at(d),
                              .cc = cc.at(d),
                              .sums = sums.at(d),
                              .workspace = workspace.at(d)};
      const Kernels& kernels = d ? device_kernels() : twin_kernels();
      kernels.backward_reduce(args, nullptr);
      args.rows = 2 * rows;
      kernels.join_reduce(args, nullptr);
    }
    synchronize();
    const std::string name = cat(rows, "x", channels, " ");
    sums.expect_same(name + "sums");
    for (const auto& [what, tensor] : {std::pair{"dgamma", &dgamma}, {"dbeta", &dbeta}, {"cb", &cb}, {"cc", &cc}}) {
      tensor->expect_same(name + what);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace qat::train::cuda
