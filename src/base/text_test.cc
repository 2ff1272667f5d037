// Text helpers, and the one line that errors and assertions are.
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace qat {
namespace {

TEST(Text, SplitJoinTrimLower) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(split("a,", ','), (std::vector<std::string>{"a", ""}));
  EXPECT_TRUE(split("", ',').empty());
  EXPECT_EQ(join(std::vector<int>{1, 2, 3}, "x"), "1x2x3");
  EXPECT_EQ(join(std::vector<int>{}, "x"), "");
  EXPECT_EQ(trim("\t a b\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(lower("ResNet50"), "resnet50");
  EXPECT_EQ(cat("a", 1, 'b', 2.5), "a1b2.5");
}

TEST(Text, ClosestSuggestsOnlyWhatIsNear) {
  const std::vector<std::string> names{"resnet18", "resnet50", "vgg16_bn"};
  EXPECT_EQ(closest("resnet5", names), "resnet50");
  EXPECT_EQ(closest("VGG16BN", names), "vgg16_bn");
  EXPECT_EQ(closest("transformer", names), "");
  EXPECT_EQ(closest("x", {}), "");
}

TEST(Text, HumanBytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 * 1024 * 1024 * 4096), "4096.0 TiB");
}

TEST(Errors, CarryTheirCode) {
  try {
    fail(Code::kNan, "[conv ", 3, "] is NaN");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kNan);
    EXPECT_STREQ(error.what(), "[conv 3] is NaN");
  }
}

TEST(Errors, AssertionsNameThePlace) {
  try {
    QAT_ASSERT(1 + 1 == 3);
    ADD_FAILURE();
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("1 + 1 == 3"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("text_test.cc"), std::string::npos);
  }
}

}  // namespace
}  // namespace qat
