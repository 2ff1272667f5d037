// open_dataset(): IDX, CIFAR-10 and folders, splits, limits, and what is wrong with broken ones.
#include "data/dataset.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "data/data_testing.h"
#include "data/idx.h"
#include "data/subset.h"

namespace qat::data {

namespace {

using testing::error_of;
using testing::put_file;
using testing::TemporaryFolder;

config::DataOptions at(const std::filesystem::path& path) {
  config::DataOptions options;
  options.path = path.string();
  return options;
}

std::string idx(const std::vector<uint32_t>& shape, const std::string& data) {
  std::string file = {0, 0, 8, static_cast<char>(shape.size())};
  for (const uint32_t extent : shape)
    for (const int shift : {24, 16, 8, 0}) file += static_cast<char>(extent >> shift);
  return file + data;
}

std::string gzip(const std::string& data) {
  std::string packed(compressBound(data.size()) + 64, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// Four 2 x 3 images in train, two in test.
void put_small_idx(const TemporaryFolder& folder) {
  std::string pixels;
  for (int i = 0; i < 24; ++i) pixels += static_cast<char>(i);
  put_file(folder / "train-images-idx3-ubyte", idx({4, 2, 3}, pixels));
  put_file(folder / "train-labels-idx1-ubyte", idx({4}, {0, 1, 2, 3}));
  put_file(folder / "t10k-images-idx3-ubyte.gz", gzip(idx({2, 2, 3}, pixels.substr(0, 12))));
  put_file(folder / "t10k-labels-idx1-ubyte.gz", gzip(idx({2}, {1, 0})));
}

TEST(Idx, ReadsPlainAndGzipped) {
  const TemporaryFolder folder;
  put_small_idx(folder);
  const auto train = open_dataset(at(folder.path()), Split::kTrain),
             test = open_dataset(at(folder.path()), Split::kTest);
  ASSERT_EQ(train->size(), 4);
  ASSERT_EQ(test->size(), 2);
  EXPECT_EQ(train->channels(), 1);
  EXPECT_EQ(test->classes(), 4) << "classes are counted over both splits";
  EXPECT_EQ(test->class_name(3), "3");
  const Image image = train->get(2);
  EXPECT_EQ(image.label, 2);
  testing::expect_equal_pixels(Tensor::from<uint8_t>({12, 13, 14, 15, 16, 17}, {2, 3, 1}), image.pixels, "third");
  EXPECT_EQ(test->get(0).label, 1);
  EXPECT_NE(test->name(1).find("t10k-images-idx3-ubyte.gz[1]"), std::string::npos);
}

TEST(Idx, SplitsByFileName) {
  const TemporaryFolder folder;
  put_small_idx(folder);
  config::DataOptions options;
  options.test = (folder / "train-images-idx3-ubyte").string();
  EXPECT_EQ(open_dataset(options, Split::kTest)->size(), 4);
  testing::error_of(Code::kUsage, [&] { open_dataset(options, Split::kTrain); });
}

TEST(Idx, EveryTruncationIsRefused) {
  const TemporaryFolder folder;
  const std::string plain = idx({2, 2, 3}, std::string(12, 'x'));
  for (const std::string& file : {plain, gzip(plain)}) {
    for (size_t size = 0; size < file.size(); ++size) {
      write_file(folder / "images", file.substr(0, size));
      const std::string message = error_of(Code::kBadFile, [&] { read_idx(folder / "images"); });
      ASSERT_NE(message.find((folder / "images").string()), std::string::npos) << message;
    }
    write_file(folder / "images", file);
    EXPECT_EQ(read_idx(folder / "images").shape(), (Shape{2, 2, 3}));
  }
}

TEST(Idx, LiesInTheHeaderAreRefused) {
  const TemporaryFolder folder;
  const std::map<std::string, std::string> files = {
      {idx({0xffffffff, 0xffffffff, 0xffffffff}, "x"), "overflows"},
      {idx({0xffffffff, 0xffff}, "x"), "expected 281470681677825 bytes of data"},
      {gzip(idx({0xffffffff, 0xffff}, "x")), "expected 281470681677825 bytes of data"},
      {idx({2, 2}, "12345"), "data after its end"},
      {gzip(idx({2, 2}, "12345")), "data after its end"},
      {"\x01\x02\x08\x01....", "first two bytes"},
      {std::string("\0\0\x0d\x01....", 8), "got type 13"},
      {std::string("\0\0\x08\x07....", 8), "got 7"}};
  for (const auto& [content, expected] : files) {
    write_file(folder / "images", content);
    const std::string message = error_of(Code::kBadFile, [&] { read_idx(folder / "images"); });
    EXPECT_NE(message.find(expected), std::string::npos) << message;
  }
}

TEST(Idx, ImagesAndLabelsMustAgree) {
  const TemporaryFolder folder;
  put_small_idx(folder);
  put_file(folder / "train-labels-idx1-ubyte", idx({3}, {0, 1, 2}));
  EXPECT_NE(error_of(Code::kBadFile, [&] { open_dataset(at(folder.path()), Split::kTrain); }).find("expected 4 labels"),
            std::string::npos);
  std::filesystem::remove(folder / "train-labels-idx1-ubyte");
  error_of(Code::kIo, [&] { open_dataset(at(folder.path()), Split::kTrain); });
}

TEST(Idx, FashionMnistOfDebian) {
  const std::filesystem::path path = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  config::DataOptions options = at(path);
  options.validation = 5000;
  const auto test = open_dataset(options, Split::kTest), train = open_dataset(options, Split::kTrain);
  EXPECT_EQ(test->size(), 10000);
  EXPECT_EQ(train->size(), 55000);
  EXPECT_EQ(test->classes(), 10);
  EXPECT_EQ(test->class_name(9), "Ankle boot");
  EXPECT_EQ(train->class_name(0), "T-shirt/top");
  EXPECT_EQ(test->get(0).label, 9);
  EXPECT_EQ(test->get(0).pixels.shape(), (Shape{28, 28, 1}));
}

TEST(Cifar, ReadsRecordsOfPlanes) {
  const TemporaryFolder folder;
  const auto record = [](int label, int seed) {
    std::string text(1, static_cast<char>(label));
    for (int i = 0; i < 3072; ++i) text += static_cast<char>(i * 7 + seed);
    return text;
  };
  for (int i = 1; i <= 5; ++i)
    put_file(folder / cat("cifar-10-batches-bin/data_batch_", i, ".bin"), record(i, i) + record(9 - i, 100 + i));
  put_file(folder / "cifar-10-batches-bin/test_batch.bin", record(3, 50));
  const auto train = open_dataset(at(folder.path()), Split::kTrain),
             test = open_dataset(at(folder.path()), Split::kTest);
  ASSERT_EQ(train->size(), 10);
  ASSERT_EQ(test->size(), 1);
  EXPECT_EQ(train->class_name(3), "cat");
  const Image image = train->get(5);  // second record of the third file
  EXPECT_EQ(image.label, 6);
  ASSERT_EQ(image.pixels.shape(), (Shape{32, 32, 3}));
  for (int64_t y = 0; y < 32; ++y)
    for (int64_t x = 0; x < 32; ++x)
      for (int64_t c = 0; c < 3; ++c)
        ASSERT_EQ(image.pixels.data<uint8_t>()[static_cast<size_t>((y * 32 + x) * 3 + c)],
                  static_cast<uint8_t>((c * 1024 + y * 32 + x) * 7 + 103));
  put_file(folder / "cifar-10-batches-bin/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  EXPECT_EQ(open_dataset(at(folder.path()), Split::kTest)->class_name(9), "j");
  put_file(folder / "cifar-10-batches-bin/test_batch.bin", record(3, 50) + "x");
  error_of(Code::kBadFile, [&] { open_dataset(at(folder.path()), Split::kTest); });
  put_file(folder / "cifar-10-batches-bin/test_batch.bin", record(3, 0) + record(10, 50));
  EXPECT_NE(error_of(Code::kBadFile, [&] { open_dataset(at(folder.path()), Split::kTest); }).find("record 1"),
            std::string::npos);
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    Random random(41);
    const auto image = [&](int64_t channels) { return testing::random_pixels(4, 5, channels, random); };
    for (const char* name : {"train/b/2.png", "train/b/10.PNG", "train/b/sub/0.png", "train/b-c/x.png", "train/a/1.jpg",
                             "train/b/sub-x/y.png", "test/b/9.png", "test/a/8.jpeg"})
      put_file(folder_ / name, testing::encode_png(image(name[6] == 'a' ? 1 : 3)));  // content counts, not the name
    put_file(folder_ / "train/b/notes.txt", "no image");
    put_file(folder_ / "train/readme.md", "no class");
  }
  const TemporaryFolder folder_;
};

TEST_F(Folder, ListsAsTorchvisionDoes) {
  const auto train = open_dataset(at(folder_.path()), Split::kTrain);
  EXPECT_EQ(train->classes(), 3);
  EXPECT_EQ(train->channels(), 3);
  ASSERT_EQ(train->size(), 6);
  if (!testing::run_judge("listing " + folder_.path().string())) GTEST_SKIP() << "no Python with torchvision";
  const std::vector<std::string> lines = split(read_file(folder_ / "listing.txt"), '\n');
  ASSERT_EQ(lines.size(), 6u);
  for (int64_t i = 0; i < 6; ++i) {
    const Image image = train->get(i);
    const std::string name = std::filesystem::path(train->name(i)).lexically_relative(folder_ / "train").string();
    EXPECT_EQ(cat(name, " ", image.label), lines[static_cast<size_t>(i)]);
    EXPECT_EQ(image.pixels.shape(), (Shape{4, 5, 3}));
  }
}

TEST_F(Folder, LabelsAreThoseOfTheTrainingFolders) {
  const auto test = open_dataset(at(folder_.path()), Split::kTest);
  ASSERT_EQ(test->size(), 2);
  EXPECT_EQ(test->classes(), 3);
  EXPECT_EQ(test->class_name(1), "b");
  EXPECT_EQ(test->get(0).label, 0);
  EXPECT_EQ(test->get(1).label, 1);
  std::filesystem::create_directory(folder_ / "test/new");
  EXPECT_NE(error_of(Code::kBadFile, [&] { open_dataset(at(folder_.path()), Split::kTest); }).find("\"new\""),
            std::string::npos);
}

TEST_F(Folder, ClassesWithoutAnImageAreNamed) {
  const auto missing = [&](Split split, const std::vector<std::string>& names = {}) {
    return missing_classes(*open_dataset(at(folder_.path()), split, names));
  };
  EXPECT_EQ(missing(Split::kTrain), "");
  EXPECT_EQ(missing(Split::kTest), "no image of 1 of the 3 classes: b-c");
  EXPECT_EQ(missing(Split::kTest, {"a", "b", "c", "d", "e", "f", "g", "h"}),
            "no image of 6 of the 8 classes: c, d, e, f, g, ...");
  config::DataOptions one = at(folder_.path());
  one.limit = 1;
  EXPECT_EQ(missing_classes(*open_dataset(one, Split::kTrain)), "") << "the folder has them";
}

TEST_F(Folder, BrokenAndForeignFilesAreNamedOnGet) {
  put_file(folder_ / "train/a/1.jpg", "");
  put_file(folder_ / "train/a/2.webp", "RIFF....WEBP");
  const auto train = open_dataset(at(folder_.path()), Split::kTrain);
  EXPECT_NE(error_of(Code::kBadFile, [&] { train->get(0); }).find("train/a/1.jpg] the file is empty"),
            std::string::npos);
  EXPECT_NE(error_of(Code::kBadFile, [&] { train->get(1); }).find("train/a/2.webp] expected JPEG or PNG, got WebP"),
            std::string::npos);
}

TEST_F(Folder, EmptyClassesAndMissingSplitsAreRefused) {
  std::filesystem::create_directory(folder_ / "train/empty");
  EXPECT_NE(error_of(Code::kBadFile, [&] { open_dataset(at(folder_.path()), Split::kTrain); }).find("has no image"),
            std::string::npos);
  std::filesystem::remove_all(folder_ / "test");
  const std::string error = error_of(Code::kBadFile, [&] { open_dataset(at(folder_.path()), Split::kTest); });
  EXPECT_NE(error.find("no test images"), std::string::npos) << error;
  EXPECT_NE(error.find("in test/ or val/ or validation/; DATA.TEST names another place"), std::string::npos) << error;
  EXPECT_NE(error_of(Code::kIo, [&] { open_dataset(at(folder_ / "nowhere"), Split::kTest); }).find("DATA.PATH"),
            std::string::npos);
  error_of(Code::kUsage, [] { open_dataset({}, Split::kTest); });
  config::DataOptions options = at(folder_.path());
  options.format = "lmdb";
  error_of(Code::kUsage, [&] { open_dataset(options, Split::kTrain); });
}

TEST(Splits, ValidationIsDisjointAndTheSameEveryTime) {
  for (const int64_t held : {0, 1, 37, 99}) {
    const HeldOut parts = hold_out(100, held), again = hold_out(100, held);
    EXPECT_EQ(parts.train, again.train);
    EXPECT_EQ(static_cast<int64_t>(parts.validation.size()), held);
    std::set<int64_t> all(parts.train.begin(), parts.train.end());
    all.insert(parts.validation.begin(), parts.validation.end());
    EXPECT_EQ(all.size(), 100u);
    EXPECT_TRUE(std::is_sorted(parts.validation.begin(), parts.validation.end()));
  }
  EXPECT_NE(hold_out(100, 37).validation.back(), 36) << "a permutation, not the first images";
}

TEST(Splits, LimitIsSpreadEvenly) {
  EXPECT_EQ(spread({10, 11, 12, 13, 14, 15, 16}, 3), (std::vector<int64_t>{10, 12, 14}));
  EXPECT_EQ(spread({1, 2}, 0), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(spread({1, 2}, 5), (std::vector<int64_t>{1, 2}));
}

TEST(Splits, OptionsOutOfRangeAreRefused) {
  const TemporaryFolder folder;
  put_small_idx(folder);
  config::DataOptions options = at(folder.path());
  error_of(Code::kUsage, [&] { open_dataset(options, Split::kValidation); });
  options.validation = 4;
  error_of(Code::kUsage, [&] { open_dataset(options, Split::kTrain); });
  options.validation = 3;
  EXPECT_EQ(open_dataset(options, Split::kTrain)->size(), 1);
  EXPECT_EQ(open_dataset(options, Split::kValidation)->size(), 3);
  options.limit = 2;
  EXPECT_EQ(open_dataset(options, Split::kValidation)->size(), 2);
  options.limit = -1;
  error_of(Code::kUsage, [&] { open_dataset(options, Split::kTrain); });
}

}  // namespace

}  // namespace qat::data
