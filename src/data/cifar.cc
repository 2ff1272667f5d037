// Reads CIFAR-10's binary files: see cifar.h.
#include "data/cifar.h"

#include "base/file.h"
#include "base/text.h"

namespace qat::data {

namespace {

constexpr int64_t kSide = 32, kPlane = kSide * kSide, kChannels = 3, kRecord = 1 + kChannels * kPlane, kClasses = 10;

std::vector<std::string> read_names(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  const std::filesystem::path file = folder / "batches.meta.txt";
  if (std::filesystem::is_regular_file(file))
    for (const std::string& line : split(read_file(file), '\n'))
      if (!trim(line).empty()) names.push_back(trim(line));
  if (names.size() == kClasses) return names;
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

class CifarDataset final : public Dataset {
 public:
  explicit CifarDataset(const std::vector<std::filesystem::path>& files) {
    for (const std::filesystem::path& path : files) {
      parts_.push_back({.name = path.string(), .first = size(), .records = read_file(path)});
      const std::string& records = parts_.back().records;
      if (records.empty() || records.size() % kRecord != 0)
        fail(Code::kBadFile, "[", path.string(), "] expected records of ", kRecord, " bytes, got ", records.size(),
             " bytes; fetch it again");
      for (size_t at = 0; at < records.size(); at += kRecord)
        if (static_cast<uint8_t>(records[at]) >= kClasses)
          fail(Code::kBadFile, "[", path.string(), "] record ", at / kRecord, ": expected a label below ", kClasses,
               ", got ", int{static_cast<uint8_t>(records[at])});
    }
    names_ = read_names(files.front().parent_path());
  }

  int64_t size() const override { return parts_.empty() ? 0 : parts_.back().first + count(parts_.back()); }
  bool same_size() const override { return true; }
  int64_t channels() const override { return kChannels; }
  int64_t classes() const override { return kClasses; }
  std::string class_name(int64_t label) const override { return names_.at(static_cast<size_t>(label)); }
  std::string name(int64_t index) const override {
    const Part& part = part_of(index);
    return cat(part.name, "[", index - part.first, "]");
  }

  Image get(int64_t index) const override {
    const Part& part = part_of(index);
    const char* record = part.records.data() + (index - part.first) * kRecord;
    Tensor pixels(DType::kU8, {kSide, kSide, kChannels});
    uint8_t* out = pixels.data<uint8_t>().data();
    for (int64_t c = 0; c < kChannels; ++c)
      for (int64_t i = 0; i < kPlane; ++i) out[i * kChannels + c] = static_cast<uint8_t>(record[1 + c * kPlane + i]);
    return {.pixels = std::move(pixels), .label = static_cast<uint8_t>(record[0])};
  }

 private:
  struct Part {
    std::string name;
    int64_t first = 0;  // index of its first record
    std::string records;
  };
  std::vector<Part> parts_;
  std::vector<std::string> names_;

  static int64_t count(const Part& part) { return static_cast<int64_t>(part.records.size()) / kRecord; }
  const Part& part_of(int64_t index) const {
    QAT_ASSERT(index >= 0 && index < size());
    size_t at = parts_.size() - 1;
    while (parts_[at].first > index) --at;
    return parts_[at];
  }
};

}  // namespace

std::filesystem::path find_cifar10(const std::filesystem::path& place) {
  for (const std::filesystem::path& folder : {place, place / "cifar-10-batches-bin"})
    if (std::filesystem::is_regular_file(folder / "data_batch_1.bin") ||
        std::filesystem::is_regular_file(folder / "test_batch.bin"))
      return folder;
  return {};
}

std::vector<std::filesystem::path> cifar10_train_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i <= 5; ++i) files.push_back(folder / cat("data_batch_", i, ".bin"));
  return files;
}

std::vector<std::filesystem::path> cifar10_test_files(const std::filesystem::path& folder) {
  return {folder / "test_batch.bin"};
}

std::unique_ptr<Dataset> open_cifar10(const std::vector<std::filesystem::path>& files) {
  return std::make_unique<CifarDataset>(files);
}

}  // namespace qat::data
