// Weights, optimizers and averages against their twins, bit for bit.
#include "base/text.h"
#include "train/cuda/kernels/both.h"

namespace qat::train::cuda {
namespace {

struct WeightShape {
  int32_t dim0, dim1, pixels, pitch, axis;
  bool follow, quantized, learned;
};
const WeightShape kWeights[] = {{64, 3, 49, 4, 0, true, true, false},     {128, 64, 9, 64, 0, true, true, false},
                                {32, 1, 9, 1, 0, true, true, false},      {10, 2048, 1, 2048, 0, true, true, false},
                                {5, 7, 9, 8, 1, true, true, false},       {33, 129, 9, 136, 1, true, true, false},
                                {20, 31, 1, 31, -1, true, true, false},   {1, 1, 1, 1, 0, true, true, false},
                                {40, 40, 9, 40, 0, false, true, false},   {17, 300, 9, 300, 0, false, true, true},
                                {9, 5, 1, 5, 1, false, true, true},       {6, 7, 25, 7, -1, false, true, true},
                                {12, 500, 3, 512, -1, false, true, true}, {8, 16, 9, 16, 0, false, false, false},
                                {1, 6, 4, 6, 1, true, true, false}};

int32_t slices_of(const WeightShape& s) { return s.axis == 0 ? s.dim0 : (s.axis == 1 ? s.dim1 : 1); }

// All of kWeights in one table; two sets of pointers into the same buffers.
struct Network {
  std::vector<std::unique_ptr<Both<float>>> masters, ranges, gradients, range_gradients;
  std::vector<std::unique_ptr<BothTensor>> copies, copy_gradients;
  Both<Weight> host{static_cast<int64_t>(std::size(kWeights))}, device{static_cast<int64_t>(std::size(kWeights))};
  std::vector<WeightChunk> list;
  std::unique_ptr<Both<WeightChunk>> chunks;

  explicit Network(Type type) {
    for (size_t k = 0; k < std::size(kWeights); ++k) {
      const WeightShape& s = kWeights[k];
      const int64_t size = static_cast<int64_t>(s.dim0) * s.dim1 * s.pixels, copied = size / s.dim1 * s.pitch;
      std::vector<float> values = normal_values(size, 30 + k, 0, 0.05f);
      if (size > 100) std::fill(values.begin(), values.begin() + s.dim1 * s.pixels, 0.0f);  // a dead channel: range 0
      masters.push_back(std::make_unique<Both<float>>(values));
      ranges.push_back(std::make_unique<Both<float>>(normal_values(slices_of(s), 60 + k, 0.08f, 0.005f)));
      gradients.push_back(std::make_unique<Both<float>>(size));
      range_gradients.push_back(std::make_unique<Both<float>>(slices_of(s)));
      copies.push_back(std::make_unique<BothTensor>(type, std::vector<float>(static_cast<size_t>(copied), 0.0f)));
      copy_gradients.push_back(std::make_unique<BothTensor>(type, normal_values(copied, 90 + k)));
      for (const bool d : {false, true}) {
        (d ? device : host).host()[k] = {.master = masters[k]->at(d),
                                         .copy = copies[k]->at(d),
                                         .dim0 = s.dim0,
                                         .dim1 = s.dim1,
                                         .pixels = s.pixels,
                                         .pitch = s.pitch,
                                         .range = s.quantized ? ranges[k]->at(d) : nullptr,
                                         .axis = s.axis,
                                         .follow = s.follow,
                                         .copy_gradient = k == 2 ? nullptr : copy_gradients[k]->at(d),
                                         .gradient = gradients[k]->at(d),
                                         .range_gradient = s.learned ? range_gradients[k]->at(d) : nullptr,
                                         .range_factor = 0.01};
      }
    }
    device.upload();
    list = weight_chunks(host.host());
    chunks = std::make_unique<Both<WeightChunk>>(list);
  }

  WeightsArgs args(Type type, bool d, int32_t* word) {
    return {.type = type,
            .weights = d ? device.at(true) : host.at(false),
            .chunks = chunks->at(d),
            .chunk_count = static_cast<int64_t>(list.size()),
            .status = {word, 100}};
  }
};

TEST(Weights, EqualTheTwin) {
  QAT_NEEDS_GPU();
  for (const Type type : {Type::kBF16, Type::kF32}) {
    Network net(type);
    Both<int32_t> word(1, true);
    for (const bool d : {false, true}) {
      const Kernels& k = d ? device_kernels() : twin_kernels();
      k.quantize_weights(net.args(type, d, word.at(d)), nullptr);
      k.weight_gradients(net.args(type, d, word.at(d)), nullptr);
    }
    synchronize();
    for (size_t k = 0; k < std::size(kWeights); ++k) {
      const WeightShape& s = kWeights[k];
      const std::string what = cat("weight ", k, " [", s.dim0, ",", s.dim1, ",", s.pixels, "]");
      net.copies[k]->expect_same(what + " copy", s.pitch);
      net.ranges[k]->expect_same(what + " range");
      net.gradients[k]->expect_same(what + " gradient", s.dim1 * s.pixels);
      if (s.learned) net.range_gradients[k]->expect_same(what + " range gradient");
    }
    word.expect_same("status");
    EXPECT_EQ(word.host()[0], 0);
  }
}

TEST(Weights, ReportTheFirstBrokenGradient) {
  QAT_NEEDS_GPU();
  Network net(Type::kF32);
  Both<int32_t> word(1, true);
  for (const size_t k : {size_t{4}, size_t{9}, size_t{3}}) {
    auto* values = static_cast<float*>(net.copy_gradients[k]->at(true));
    const float nan = NAN;
    check(cudaMemcpy(values + 3, &nan, sizeof nan, cudaMemcpyHostToDevice));
  }
  device_kernels().weight_gradients(net.args(Type::kF32, true, word.at(true)), nullptr);
  EXPECT_EQ(place_of(word.download()[0]), 103);
}

const int64_t kSizes[] = {1, 3, 64, 8192, 8193, 100003, 0, 32768};

TEST(Optimizer, EqualsTheTwin) {
  QAT_NEEDS_GPU();
  const std::vector<int64_t> sizes(std::begin(kSizes), std::end(kSizes));
  const std::vector<Chunk> list = make_chunks(sizes);
  Both<Chunk> chunks(list);
  Both<StepScalars> scalars({{.lr = 0.1f, .correction1 = 0.19f, .correction2 = 0.001999f, .average_keep = 0.99f}});
  for (const int kind : {0, 1, 2, 3, 4}) {  // SGD: plain, momentum, Nesterov; AdamW; stopped
    std::vector<std::unique_ptr<Both<float>>> tensors;
    Both<Parameter> host(static_cast<int64_t>(sizes.size())), device(static_cast<int64_t>(sizes.size()));
    Both<Average> host_averages(static_cast<int64_t>(sizes.size())), averages(static_cast<int64_t>(sizes.size()));
    Both<int32_t> word({kind == 4 ? 7 : 0});
    for (size_t t = 0; t < sizes.size(); ++t) {
      for (uint64_t part = 0; part < 5; ++part) {
        auto values = normal_values(sizes[t] + 1, 200 + 10 * t + part);
        if (part == 3) {
          for (float& v : values) v = std::fabs(v);
        }
        tensors.push_back(std::make_unique<Both<float>>(values));
      }
      const int64_t shift = t == 5 ? 1 : 0;  // not aligned
      for (const bool d : {false, true}) {
        const auto at = [&](size_t part) { return tensors[5 * t + part]->at(d) + shift; };
        (d ? device : host).host()[t] = {.value = at(0),
                                         .gradient = t == 2 ? nullptr : at(1),
                                         .first = kind == 0 ? nullptr : at(2),
                                         .second = at(3),
                                         .size = sizes[t],
                                         .decay = t % 2 == 0 ? 1e-4f : 0,
                                         .smallest = t == 3 ? 1e-6f : -INFINITY};
        (d ? averages : host_averages).host()[t] = {.average = at(4), .value = at(0), .size = sizes[t]};
      }
    }
    device.upload(), averages.upload();
    for (const bool d : {false, true}) {
      const Kernels& k = d ? device_kernels() : twin_kernels();
      const OptimizerArgs args{.parameters = d ? device.at(true) : host.at(false),
                               .chunks = chunks.at(d),
                               .chunk_count = static_cast<int64_t>(list.size()),
                               .scalars = scalars.at(d),
                               .momentum = 0.9f,
                               .nesterov = kind == 2,
                               .status = {word.at(d), 0}};
      k.check_finite(args, nullptr);
      kind == 3 ? k.adamw(args, nullptr) : k.sgd(args, nullptr);
      k.average({.tensors = d ? averages.at(true) : host_averages.at(false),
                 .chunks = chunks.at(d),
                 .chunk_count = static_cast<int64_t>(list.size()),
                 .scalars = scalars.at(d),
                 .status = {word.at(d), 0}},
                nullptr);
    }
    synchronize();
    for (size_t i = 0; i < tensors.size(); ++i)
      tensors[i]->expect_same(cat("kind ", kind, " tensor ", i / 5, " part ", i % 5));
    word.expect_same("status");
  }
}

TEST(Optimizer, StopsAtABrokenGradient) {
  QAT_NEEDS_GPU();
  const std::vector<int64_t> sizes = {100, 20000, 5};
  const std::vector<Chunk> list = make_chunks(sizes);
  Both<Chunk> chunks(list);
  Both<StepScalars> scalars({{.lr = 0.1f}});
  Both<int32_t> word(1, true);
  std::vector<std::unique_ptr<Both<float>>> values, gradients;
  Both<Parameter> parameters(3);
  for (size_t t = 0; t < 3; ++t) {
    values.push_back(std::make_unique<Both<float>>(normal_values(sizes[t], t)));
    auto g = normal_values(sizes[t], 10 + t);
    if (t >= 1) g.back() = t == 1 ? INFINITY : NAN;
    gradients.push_back(std::make_unique<Both<float>>(g));
    parameters.host()[t] = {.value = values[t]->at(true), .gradient = gradients[t]->at(true), .size = sizes[t]};
  }
  parameters.upload();
  const OptimizerArgs args{.parameters = parameters.at(true),
                           .chunks = chunks.at(true),
                           .chunk_count = static_cast<int64_t>(list.size()),
                           .scalars = scalars.at(true),
                           .status = {word.at(true), 40}};
  device_kernels().check_finite(args, nullptr);
  device_kernels().sgd(args, nullptr);
  EXPECT_EQ(place_of(word.download()[0]), 41);
  for (const auto& v : values) v->expect_same("untouched");
}

}  // namespace
}  // namespace qat::train::cuda
