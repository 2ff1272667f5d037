// Tensors: sharing, cloning, views of foreign memory, conversions at the edges of every type; shapes and their
// overflow.
#include "base/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/checked.h"

namespace qat {
namespace {

TEST(Shape, CountsAndPrints) {
  EXPECT_EQ(count({}), 1);
  EXPECT_EQ(count({2, 3, 5}), 30);
  EXPECT_EQ(count({7, 0, 5}), 0);
  EXPECT_EQ(to_string(Shape{1, 3, 224, 224}), "1x3x224x224");
  EXPECT_EQ(to_string(Shape{}), "scalar");
  EXPECT_THROW(count({2, -1}), Error);
  EXPECT_THROW(count({int64_t{1} << 32, int64_t{1} << 32}), Error);
  EXPECT_THROW(count({int64_t{1} << 62, 2}), Error);
  EXPECT_THROW(checked_add(std::numeric_limits<int32_t>::max(), 1, "sum"), Error);
  EXPECT_THROW(checked_mul(uint64_t{1} << 40, uint64_t{1} << 24, "product"), Error);
  EXPECT_EQ(checked_mul(uint64_t{1} << 40, uint64_t{1} << 23, "product"), uint64_t{1} << 63);
}

TEST(Tensor, IsZeroedAlignedAndShared) {
  Tensor a(DType::kF32, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.raw()) % 64, 0u);
  for (const float x : a.data<float>()) EXPECT_EQ(x, 0);
  Tensor b = a, c = a.clone(), d = a.reshaped({15});
  a.data<float>()[7] = 4;
  EXPECT_EQ(b.data<float>()[7], 4);
  EXPECT_EQ(c.data<float>()[7], 0);
  EXPECT_EQ(d.data<float>()[7], 4);
  EXPECT_EQ(d.shape(), Shape{15});
  EXPECT_FALSE(Tensor().defined());
  EXPECT_FALSE(Tensor().clone().defined());
}

TEST(Tensor, EmptyAndScalar) {
  const Tensor empty(DType::kI64, {0, 3}), scalar(DType::kF64, {});
  EXPECT_TRUE(empty.defined());
  EXPECT_EQ(empty.bytes(), 0u);
  EXPECT_EQ(scalar.size(), 1);
  EXPECT_EQ(empty.to(DType::kF32).shape(), (Shape{0, 3}));
}

TEST(Tensor, MisuseIsAnAssertion) {
  Tensor t(DType::kF32, {2});
  EXPECT_THROW(t.data<int32_t>(), std::logic_error);
  EXPECT_THROW(t.reshaped({3}), std::logic_error);
  EXPECT_THROW(Tensor(DType::kF32, {1}, nullptr, reinterpret_cast<void*>(2)), std::logic_error);
}

TEST(Tensor, AViewKeepsItsOwner) {
  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  const std::weak_ptr<std::vector<float>> watch = owner;
  Tensor t(DType::kF32, {2}, owner, owner->data() + 1);
  owner.reset();
  EXPECT_EQ(t.data<float>()[1], 3);
  t = Tensor();
  EXPECT_TRUE(watch.expired());
}

TEST(Tensor, TooLargeIsOutOfMemory) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer ends the program on such an allocation";
#endif
  try {
    const Tensor too_large(DType::kF32, {int64_t{1} << 45});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kOutOfMemory);
  }
}

TEST(Convert, FloatsToIntegersSaturateAndRoundToEven) {
  const float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor t = Tensor::from<float>({0.5f, 1.5f, -2.5f, 200, -200, infinity, -infinity, nan}, {8});
  const auto expect = [&](DType type, const std::vector<int64_t>& values) {
    const Tensor wide = t.to(type).to(DType::kI64);
    for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(wide.data<int64_t>()[i], values[i]) << name_of(type) << i;
  };
  expect(DType::kI8, {0, 2, -2, 127, -128, 127, -128, 0});
  expect(DType::kU8, {0, 2, 0, 200, 0, 255, 0, 0});
  expect(DType::kI32, {0, 2, -2, 200, -200, INT32_MAX, INT32_MIN, 0});
  expect(DType::kI64, {0, 2, -2, 200, -200, INT64_MAX, INT64_MIN, 0});
}

TEST(Convert, IntegersKeepEveryBitOrSaturate) {
  const Tensor t = Tensor::from<int64_t>({INT64_MAX, INT64_MIN, (int64_t{1} << 53) + 1}, {3});
  EXPECT_EQ(t.to(DType::kI64).data<int64_t>()[2], (int64_t{1} << 53) + 1);
  EXPECT_EQ(t.to(DType::kI32).data<int32_t>()[0], INT32_MAX);
  EXPECT_EQ(t.to(DType::kI16).data<int16_t>()[1], INT16_MIN);
  const Tensor small = Tensor::from<int8_t>({-128, 127}, {2});
  EXPECT_EQ(small.to(DType::kI64).data<int64_t>()[0], -128);
  EXPECT_EQ(small.to(DType::kU8).data<uint8_t>()[0], 0);
  EXPECT_TRUE(small.to(DType::kBool).data<bool>()[0]);
}

TEST(Convert, FloatTypes) {
  const Tensor t = Tensor::from<float>({1.0f, -0.0f, 65520.0f, 1.00390625f}, {4});
  EXPECT_TRUE(std::isinf(t.to(DType::kF16).to(DType::kF32).data<float>()[2]));
  EXPECT_TRUE(std::signbit(t.to(DType::kF16).to(DType::kF32).data<float>()[1]));
  EXPECT_EQ(t.to(DType::kBF16).to(DType::kF64).data<double>()[3], 1.0);  // 1 + 2^-8 is a tie
  EXPECT_EQ(t.to(DType::kF64).data<double>()[2], 65520.0);
}

}  // namespace
}  // namespace qat
