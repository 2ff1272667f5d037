// Engines behind the Classifier interface: images that were normalized become the pictures that an engine takes.
#include "eval/engine_classifier.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace qat::eval {
namespace {

// Takes pictures of 2x2 pixels and 3 channels; its logits are the means of the channels' bytes.
engine::Plan mean_of_pictures(std::map<std::string, std::string> metadata) {
  auto table = std::make_shared<std::vector<float>>();
  for (int i = 0; i < 3 * 256; ++i) table->push_back(static_cast<float>(i % 256));
  using engine::Storage, engine::StepOp;
  engine::Plan plan;
  plan.network = "means", plan.precision = "fp32";
  plan.input_mode = engine::InputMode::kU8Nhwc;
  plan.input = {"input", 3, 4};
  plan.outputs = {{"output", 3, 2}};
  plan.profile = {{1, 3, 2, 2}, {1, 3, 2, 2}, {2, 3, 2, 2}};
  plan.metadata = std::move(metadata);
  plan.tensors = {{.name = "x", .storage = Storage::kF32, .channels = 3},
                  {.name = "pool", .storage = Storage::kF32, .channels = 3},
                  {.name = "flat", .storage = Storage::kF32, .rank = 2, .channels = 3}};
  plan.steps = {{.op = StepOp::kReadU8, .name = "input", .inputs = {-1}, .output = 0},
                {.op = StepOp::kFloatGlobalAvgPool, .name = "pool", .inputs = {0}, .output = 1},
                {.op = StepOp::kFlatten, .name = "flat", .inputs = {1}, .output = 2},
                {.op = StepOp::kWriteF32, .name = "output", .inputs = {2}, .output = -1}};
  plan.steps[0].blobs[0] = {.offset = 0, .size = table->size() * sizeof(float)};
  plan.blobs = std::as_bytes(std::span(*table));
  plan.owner = table;
  return plan;
}

TEST(EngineClassifier, PicturesAreMadeOfNormalizedImages) {
  const auto model = open_engine(mean_of_pictures({{"mean", "0.5,0.25,0"}, {"std", "0.25"}}), {.threads = 1});
  Tensor images(DType::kF32, {1, 3, 2, 2});
  const float mean[] = {0.5f, 0.25f, 0};
  for (size_t i = 0; i < 12; ++i) {
    images.data<float>()[i] = (static_cast<float>(20 * i) / 255.0f - mean[i / 4]) / 0.25f;
  }
  const Tensor logits = model->logits(images);
  for (size_t c = 0; c < 3; ++c) EXPECT_EQ(logits.data<float>()[c], 20.0f * (4.0f * static_cast<float>(c) + 1.5f)) << c;
}

// A plan in memory has passed no reader.
TEST(EngineClassifier, PicturesNeedAMeanAndADeviationOfEachChannel) {
  for (const std::map<std::string, std::string>& metadata : {std::map<std::string, std::string>{},
                                                             {{"std", "0.25"}},
                                                             {{"mean", "0.5,0.5"}, {"std", "0.25"}},
                                                             {{"mean", "0.5"}, {"std", "0.25,0.25"}},
                                                             {{"mean", "0.5"}, {"std", "0"}}}) {
    try {
      open_engine(mean_of_pictures(metadata), {.threads = 1});
      ADD_FAILURE() << metadata.size() << " keys passed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
    }
  }
}

}  // namespace
}  // namespace qat::eval
