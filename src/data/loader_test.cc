// The loader: the same batches for any number of workers, resuming, errors, skipping, early destruction.
#include "data/loader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "data/data_testing.h"

namespace qat::data {

namespace {

// Image i is 3 x 4 x 1 with pixels that tell i; images of `broken` throw kBadFile, of `unreadable` kIo.
class Fake final : public Dataset {
 public:
  explicit Fake(int64_t n) : n_(n) {}
  int64_t size() const override { return n_; }
  int64_t channels() const override { return 1; }
  int64_t classes() const override { return 10; }
  std::string class_name(int64_t label) const override { return cat(label); }
  std::string name(int64_t index) const override { return cat("image_", index); }
  Image get(int64_t index) const override {
    ++gets;
    if (index % 5 == 0) std::this_thread::yield();  // mixes the order in which workers finish
    if (broken.count(index)) fail(Code::kBadFile, "[", name(index), "] broken");
    if (unreadable.count(index)) fail(Code::kIo, "[", name(index), "] unreadable");
    Tensor pixels(DType::kU8, {index == odd_sized ? 5 : 3, 4, 1});
    for (uint8_t& x : pixels.data<uint8_t>())
      x = static_cast<uint8_t>(index * 3 + (&x - pixels.data<uint8_t>().data()));
    return {.pixels = pixels, .label = index % 10};
  }

  std::set<int64_t> broken, unreadable;
  int64_t odd_sized = -1;
  mutable std::atomic<int64_t> gets{0};

 private:
  int64_t n_;
};

Tensor noisy(const Tensor& pixels, Random& random) {
  Tensor out = pixels.clone();
  for (uint8_t& x : out.data<uint8_t>()) x = static_cast<uint8_t>(x + random.below(256));
  return out;
}

Tensor plain(const Tensor& pixels, Random&) { return pixels; }

// All of a run that a caller can see.
std::string trace(Loader& loader) {
  std::string text;
  while (const std::optional<Batch> batch = loader.next()) {
    text += cat(batch->position, ":", join(batch->indices, ","), "/", join(batch->labels, ","), "=");
    text.append(static_cast<const char*>(batch->images.raw()), batch->images.bytes());
  }
  return text;
}

TEST(Loader, SameBatchesForAnyNumberOfWorkers) {
  const auto dataset = std::make_shared<Fake>(101);
  std::set<std::string> epochs;
  for (const int64_t epoch : {0, 1, 7}) {
    std::string want;
    for (const int64_t workers : {0, 1, 2, 4}) {
      for (const int64_t prefetch : {1, 3}) {
        Loader loader(dataset, noisy,
                      {.batch = 16, .shuffle = true, .workers = workers, .prefetch = prefetch, .seed = 5});
        loader.start(epoch);
        const std::string got = trace(loader);
        if (want.empty()) want = got;
        ASSERT_EQ(got, want) << workers << " workers, epoch " << epoch;
      }
    }
    epochs.insert(want);
  }
  EXPECT_EQ(epochs.size(), 3u) << "epochs must differ";
  Loader other(dataset, noisy, {.batch = 16, .shuffle = true, .seed = 6});
  EXPECT_EQ(epochs.count(trace(other)), 0u) << "seeds must differ";
}

TEST(Loader, AugmentationDependsOnTheIndexNotOnThePlace) {
  const auto dataset = std::make_shared<Fake>(30);
  Loader straight(dataset, noisy, {.batch = 30, .seed = 9}),
      shuffled(dataset, noisy, {.batch = 30, .shuffle = true, .seed = 9});
  const Batch a = *straight.next(), b = *shuffled.next();
  const size_t bytes = a.images.bytes() / 30;
  for (size_t place = 0; place < 30; ++place)
    EXPECT_EQ(
        std::memcmp(static_cast<const char*>(b.images.raw()) + place * bytes,
                    static_cast<const char*>(a.images.raw()) + static_cast<size_t>(b.indices[place]) * bytes, bytes),
        0);
  EXPECT_NE(a.indices, b.indices);
}

TEST(Loader, ResumesInMidEpoch) {
  const auto dataset = std::make_shared<Fake>(103);
  for (const int64_t workers : {0, 3}) {
    Loader whole(dataset, noisy, {.batch = 10, .shuffle = true, .workers = workers, .seed = 2});
    whole.start(4);
    for (int i = 0; i < 6; ++i) whole.next();
    const std::string want = trace(whole);
    Loader resumed(dataset, noisy, {.batch = 10, .shuffle = true, .workers = workers, .seed = 2});
    resumed.next();  // of another epoch, to be dropped
    resumed.start(4, 6);
    EXPECT_EQ(trace(resumed), want);
    resumed.start(4, 11);
    EXPECT_FALSE(resumed.next().has_value());
  }
}

TEST(Loader, LastBatchIsShortOrDropped) {
  const auto dataset = std::make_shared<Fake>(23);
  Loader all(dataset, plain, {.batch = 10}), full(dataset, plain, {.batch = 10, .drop_last = true});
  EXPECT_EQ(all.batches(), 3);
  EXPECT_EQ(full.batches(), 2);
  std::vector<int64_t> sizes;
  while (const auto batch = all.next()) sizes.push_back(batch->size());
  EXPECT_EQ(sizes, (std::vector<int64_t>{10, 10, 3}));
  int batches = 0;
  while (full.next()) ++batches;
  EXPECT_EQ(batches, 2);
  EXPECT_FALSE(all.next().has_value()) << "the end stays the end";
}

// Of 3 processes: each image is one's, batch by batch, in the order of a single process.
TEST(Loader, ShardsShareAnEpoch) {
  const auto batches = [](Shard shard) {
    Loader loader(std::make_shared<Fake>(23), plain, {.batch = 5, .shuffle = true, .seed = 4, .shard = shard});
    loader.start(2);
    std::map<int64_t, std::vector<int64_t>> indices;
    while (const auto batch = loader.next()) indices[batch->position] = batch->indices;
    EXPECT_EQ(loader.batches(), 5);
    return indices;
  };
  const auto whole = batches({});
  std::map<int64_t, std::vector<int64_t>> joined;
  for (int64_t i = 0; i < 3; ++i) {
    for (const auto& [position, indices] : batches({.index = i, .count = 3})) {
      joined[position].insert(joined[position].end(), indices.begin(), indices.end());
      EXPECT_LE(indices.size(), 2u);
    }
    for (const auto& [position, indices] : batches({.index = i, .count = 3, .whole = true})) {
      EXPECT_EQ(position % 3, i);
      EXPECT_EQ(indices, whole.at(position));
    }
  }
  EXPECT_EQ(joined, whole);
}

TEST(Loader, BrokenImagesFailByName) {
  const auto dataset = std::make_shared<Fake>(100);
  dataset->broken = {47, 42, 61};
  for (const int64_t workers : {0, 1, 4}) {
    Loader loader(dataset, plain, {.batch = 20, .workers = workers});
    EXPECT_EQ(loader.next()->size(), 20);
    EXPECT_EQ(loader.next()->size(), 20);
    for (int again = 0; again < 2; ++again)
      EXPECT_EQ(testing::error_of(Code::kBadFile, [&] { loader.next(); }), "[image_42] broken");
    loader.start(0, 4);
    EXPECT_EQ(loader.next()->indices.front(), 80);
  }
}

TEST(Loader, BrokenImagesAreSkippedAndCounted) {
  const auto dataset = std::make_shared<Fake>(60);
  for (int64_t i = 20; i < 40; ++i) dataset->broken.insert(i);  // the whole second batch
  dataset->broken.insert({0, 7, 59});
  for (const int64_t workers : {0, 2}) {
    Loader loader(dataset, plain, {.batch = 20, .workers = workers, .skip_broken = true});
    const Batch first = *loader.next();
    EXPECT_EQ(first.size(), 18);
    EXPECT_EQ(first.images.shape(), (Shape{18, 3, 4, 1}));
    EXPECT_EQ(loader.skipped(), 2);
    for (int64_t i = 0; i < 18; ++i) {
      const int64_t index = first.indices[static_cast<size_t>(i)];
      EXPECT_NE(index % 7 == 0 && index < 14, true);
      EXPECT_EQ(first.images.data<uint8_t>()[static_cast<size_t>(i * 12 + 11)], static_cast<uint8_t>(index * 3 + 11));
    }
    const Batch third = *loader.next();
    EXPECT_EQ(third.position, 2) << "a batch without images is passed over";
    EXPECT_EQ(third.size(), 19);
    EXPECT_EQ(loader.skipped(), 23);
    EXPECT_EQ(loader.skipped_messages().size(), Loader::kMaxMessages);
    EXPECT_EQ(loader.skipped_messages()[1], "[image_7] broken");
    EXPECT_FALSE(loader.next().has_value());
    loader.start(1);
    EXPECT_EQ(loader.skipped(), 0);
  }
  dataset->unreadable = {3};
  Loader loader(dataset, plain, {.batch = 20, .skip_broken = true});
  testing::error_of(Code::kIo, [&] { loader.next(); });
}

TEST(Loader, SizesMustAgree) {
  const auto dataset = std::make_shared<Fake>(10);
  dataset->odd_sized = 6;
  Loader loader(dataset, plain, {.batch = 10, .workers = 0});
  EXPECT_EQ(testing::error_of(Code::kUsage, [&] { loader.next(); }),
            "[image_6] image of 4x5x1, others of the batch have 4x3x1; set DATA.SIZE (and DATA.RESIZE)");
}

TEST(Loader, TransformErrorsAreRethrown) {
  const auto dataset = std::make_shared<Fake>(10);
  const Transform usage = [](const Tensor&, Random&) -> Tensor { fail(Code::kUsage, "does not fit"); };
  Loader named(dataset, usage, {.batch = 4, .workers = 2});
  EXPECT_EQ(testing::error_of(Code::kUsage, [&] { named.next(); }), "[image_0] does not fit");
  Loader bug(dataset, [](const Tensor&, Random&) -> Tensor { throw std::logic_error("bug"); },
             {.batch = 4, .workers = 2});
  EXPECT_THROW(bug.next(), std::logic_error);
}

TEST(Loader, PrefetchIsBounded) {
  const auto dataset = std::make_shared<Fake>(1000);
  Loader loader(dataset, plain, {.batch = 10, .workers = 2, .prefetch = 3});
  loader.next();
  for (int i = 0; i < 200 && dataset->gets < 40; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_EQ(dataset->gets, 40) << "one batch given out and three ahead";
}

TEST(Loader, MayBeDestroyedOrRestartedAtAnyTime) {
  const auto dataset = std::make_shared<Fake>(500);
  for (int repeat = 0; repeat < 100; ++repeat) {
    Loader loader(dataset, noisy, {.batch = 32, .shuffle = true, .workers = 1 + repeat % 4, .prefetch = 4, .seed = 1});
    if (repeat % 3 == 0) continue;
    for (int i = 0; i < repeat % 7; ++i) loader.next();
    loader.start(repeat);
    if (repeat % 2 == 0) {
      EXPECT_EQ(loader.next()->position, 0);
    }
  }
}

TEST(Loader, ImpossibleOptionsAreRefused) {
  const auto dataset = std::make_shared<Fake>(5);
  testing::error_of(Code::kUsage, [&] { Loader(dataset, plain, {.batch = 0}); });
  testing::error_of(Code::kUsage, [&] { Loader(dataset, plain, {.workers = -1}); });
  Loader empty(std::make_shared<Fake>(0), plain, {});
  EXPECT_FALSE(empty.next().has_value());
}

}  // namespace

}  // namespace qat::data
