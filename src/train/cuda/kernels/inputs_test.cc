// The input step, histograms, cross-entropy and pools against their twins, bit for bit.
#include <cstring>

#include "base/text.h"
#include "quant/calib/calibrator.h"
#include "train/cuda/kernels/both.h"

namespace qat::train::cuda {
namespace {

TEST(Batch, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  struct Case {
    int64_t n, height, width, channels, out_height, out_width, out_channels, pad;
    bool crop, flip, gather;
  };
  const Case cases[] = {{5, 28, 28, 1, 28, 28, 1, 2, true, true, true},
                        {3, 32, 30, 3, 32, 30, 4, 4, true, false, false},
                        {2, 97, 101, 3, 64, 64, 8, 0, true, true, false},
                        {4, 224, 224, 3, 224, 224, 4, 0, false, true, false},
                        {3, 7, 5, 2, 7, 5, 2, 0, false, false, true}};
  for (const Case& k : cases) {
    for (const Type type : {Type::kBF16, Type::kF32}) {
      Both<uint8_t> images(random_bytes(10 * k.height * k.width * k.channels, 1));
      Both<int64_t> source({9, 0, 3, 3, 1}), index({1234567, 0, 59999, 17, 4});
      Both<AugmentState> state({{.seed = 42, .epoch = 3}});
      Both<float> table(normal_values(k.channels * 256, 2));
      BothTensor y(type, k.n * k.out_height * k.out_width * k.out_channels);
      for (const bool d : {false, true}) {
        (d ? device_kernels() : twin_kernels())
            .make_batch({.n = k.n,
                         .height = k.height,
                         .width = k.width,
                         .channels = k.channels,
                         .out_height = k.out_height,
                         .out_width = k.out_width,
                         .out_channels = k.out_channels,
                         .type = type,
                         .images = images.at(d),
                         .source = k.gather ? source.at(d) : nullptr,
                         .index = index.at(d),
                         .state = state.at(d),
                         .crop = k.crop,
                         .pad = k.pad,
                         .flip = k.flip,
                         .table = table.at(d),
                         .y = y.at(d)},
                        nullptr);
      }
      synchronize();
      y.expect_same(cat("batch ", &k - cases), k.out_width * k.out_channels);
    }
  }
}

TEST(Histogram, EqualsTheHostsClass) {
  QAT_NEEDS_GPU();
  for (const Type type : {Type::kBF16, Type::kF32}) {
    quant::Histogram expected;
    Both<HistogramState> state(1, true);
    const int64_t sizes[] = {1, 100, 12345, 0, 1000003};
    for (size_t k = 0; k < std::size(sizes); ++k) {
      auto values =
          k == 0 ? std::vector<float>{-0.0f} : normal_values(sizes[k], k, 0, std::ldexp(1.0f, 3 * static_cast<int>(k)));
      for (size_t i = 0; i < values.size(); i += 3) values[i] = 0;
      if (k == 2) values[5] = NAN, values[77] = -INFINITY, values[99] = 1e-39f;
      if (type == Type::kBF16) {
        for (float& v : values) v = to_float(to_bfloat16(v));
      }
      BothTensor x(type, values);
      expected.add(values);
      for (const bool d : {false, true}) {
        (d ? device_kernels() : twin_kernels())
            .add_to_histogram({.size = sizes[k], .type = type, .x = x.at(d), .histogram = state.at(d)}, nullptr);
      }
    }
    synchronize();
    for (const HistogramState& s : {state.host()[0], state.download()[0]}) {
      const quant::Histogram got = histogram_of(s);
      EXPECT_EQ(got.total(), expected.total());
      EXPECT_EQ(got.zeros(), expected.zeros());
      EXPECT_EQ(got.not_finite(), expected.not_finite());
      EXPECT_EQ(got.max(), expected.max());
      EXPECT_EQ(got.negative(), expected.negative());
      EXPECT_EQ(got.bin_width(), expected.bin_width());
      EXPECT_TRUE(
          std::equal(got.counts().begin(), got.counts().end(), expected.counts().begin(), expected.counts().end()));
    }
  }
}

TEST(CrossEntropy, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  for (const auto& [rows, classes] : {std::pair<int64_t, int64_t>{1, 1}, {3, 10}, {256, 1000}, {5000, 17}, {7, 1001}}) {
    for (const Type type : {Type::kBF16, Type::kF32}) {
      for (const float smoothing : {0.0f, 0.1f}) {
        auto values = normal_values(rows * classes, 5, 0, 4);
        values[0] = -INFINITY;
        if (classes > 2) values[static_cast<size_t>(classes) - 1] = 500, values[static_cast<size_t>(classes) - 2] = 500;
        BothTensor logits(type, values), gradient(type, rows * classes);
        std::vector<int64_t> wanted(static_cast<size_t>(rows));
        Random random(6);
        for (int64_t& w : wanted) w = random.below(classes);
        wanted[0] = std::max<int64_t>(0, classes - 2);
        Both<int64_t> labels(wanted), correct(1);
        Both<double> loss(1);
        Both<int32_t> word(1, true);
        Both<char> workspace(static_cast<int64_t>(workspace_bytes(rows, classes)), true);
        for (const bool d : {false, true}) {
          (d ? device_kernels() : twin_kernels())
              .cross_entropy({.rows = rows,
                              .classes = classes,
                              .type = type,
                              .logits = logits.at(d),
                              .labels = labels.at(d),
                              .smoothing = smoothing,
                              .gradient = gradient.at(d),
                              .loss = loss.at(d),
                              .correct = correct.at(d),
                              .status = {word.at(d), 0},
                              .workspace = workspace.at(d)},
                             nullptr);
        }
        synchronize();
        const std::string what = cat(rows, "x", classes, " smoothing ", smoothing);
        gradient.expect_same(what + " gradient", classes);
        correct.expect_same(what + " correct");
        const double twin = loss.host()[0], got = loss.download()[0];
        EXPECT_TRUE(twin == got || std::fabs(twin - got) <= 1e-14 * std::fabs(twin) ||
                    (!std::isfinite(twin) && !std::isfinite(got)))
            << what << ": " << twin << " " << got;
        word.expect_same(what + " status");
      }
    }
  }
}

TEST(Pools, EqualTheTwin) {
  QAT_NEEDS_GPU();
  struct Case {
    int64_t n, height, width, channels;
    int kernel, stride, pad;
  };
  const Case cases[] = {{2, 112, 112, 64, 3, 2, 1},
                        {3, 7, 9, 5, 3, 2, 1},
                        {1, 8, 8, 24, 2, 2, 0},
                        {2, 5, 6, 8, 3, 1, 1},
                        {1, 1, 1, 1, 1, 1, 0}};
  for (const Case& k : cases) {
    for (const Type type : {Type::kBF16, Type::kF32}) {
      const int64_t oh = (k.height + 2 * k.pad - k.kernel) / k.stride + 1,
                    ow = (k.width + 2 * k.pad - k.kernel) / k.stride + 1;
      const int64_t in = k.n * k.height * k.width * k.channels, out = k.n * oh * ow * k.channels;
      auto values = normal_values(in, 7);
      for (size_t i = 0; i < values.size(); i += 2) values[i] = 0;  // ties
      if (values.size() > 50) values[10] = NAN, values[11] = -INFINITY;
      BothTensor x(type, values), y(type, out), gradient(type, normal_values(out, 8)), dx(type, in);
      BothTensor mean(type, k.n * k.channels), mean_dx(type, in);
      Both<uint8_t> index(out);
      for (const bool d : {false, true}) {
        const Kernels& table = d ? device_kernels() : twin_kernels();
        const MaxPoolArgs args{.n = k.n,
                               .height = k.height,
                               .width = k.width,
                               .channels = k.channels,
                               .out_height = oh,
                               .out_width = ow,
                               .kernel = {k.kernel, k.kernel},
                               .stride = {k.stride, k.stride},
                               .pad = {k.pad, k.pad},
                               .type = type,
                               .x = x.at(d),
                               .y = y.at(d),
                               .index = index.at(d),
                               .gradient = gradient.at(d),
                               .dx = dx.at(d)};
        table.max_pool(args, nullptr);
        table.max_pool_backward(args, nullptr);
        const MeanPoolArgs mean_args{.n = k.n,
                                     .pixels = k.height * k.width,
                                     .channels = k.channels,
                                     .type = type,
                                     .x = x.at(d),
                                     .y = mean.at(d),
                                     .gradient = mean.at(d),
                                     .dx = mean_dx.at(d)};
        table.mean_pool(mean_args, nullptr);
        table.mean_pool_backward(mean_args, nullptr);
      }
      synchronize();
      const std::string what = cat("case ", &k - cases, type == Type::kBF16 ? " bf16" : " f32");
      y.expect_same(what + " y", k.channels);
      index.expect_same(what + " index", k.channels);
      dx.expect_same(what + " dx", k.channels);
      mean.expect_same(what + " mean", k.channels);
      mean_dx.expect_same(what + " mean dx", k.channels);
    }
  }
}

}  // namespace
}  // namespace qat::train::cuda
