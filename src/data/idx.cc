// Reads IDX files into memory and serves their images without copying: see idx.h.
#include "data/idx.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/checked.h"
#include "base/text.h"
#include "data/gzip.h"

namespace qat::data {

namespace {

constexpr uint32_t kUnsignedByte = 0x08;

constexpr std::array kFashionNames = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

// Fashion-MNIST is recognized by its labels, not by a path: the first ten of each split.
bool is_fashion_mnist(std::span<const uint8_t> labels) {
  constexpr std::array<uint8_t, 10> kTrain = {9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, kTest = {9, 2, 1, 1, 6, 1, 4, 6, 5, 7};
  const auto starts_with = [&](const auto& first) { return std::equal(first.begin(), first.end(), labels.begin()); };
  return (labels.size() == 60000 && starts_with(kTrain)) || (labels.size() == 10000 && starts_with(kTest));
}

// A big-endian number of the header.
uint32_t read_word(GzipFile& file, const std::string& name) {
  std::array<uint8_t, 4> bytes;
  if (file.read(bytes.data(), 4) != 4) fail(Code::kBadFile, "[", name, "] the IDX header is truncated; fetch it again");
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

struct Magic {
  uint32_t zero = 0, type = 0, rank = 0;
};

Magic read_magic(GzipFile& file, const std::string& name) {
  const uint32_t word = read_word(file, name);
  return {.zero = word >> 16, .type = word >> 8 & 0xff, .rank = word & 0xff};
}

int64_t count_classes(std::span<const uint8_t> labels) {
  return labels.empty() ? 0 : int64_t{*std::max_element(labels.begin(), labels.end())} + 1;
}

class IdxDataset final : public Dataset {
 public:
  IdxDataset(std::string file, Tensor images, Tensor labels, int64_t classes)
      : file_(std::move(file)),
        images_(std::make_shared<Tensor>(std::move(images))),
        labels_(std::move(labels)),
        classes_(classes) {
    fashion_ = is_fashion_mnist(labels_.data<uint8_t>());
  }

  int64_t size() const override { return images_->dim(0); }
  bool same_size() const override { return true; }
  int64_t channels() const override { return images_->shape().size() == 4 ? images_->dim(3) : 1; }
  int64_t classes() const override { return classes_; }
  std::string class_name(int64_t label) const override {
    const auto at = static_cast<size_t>(label);
    return fashion_ && at < kFashionNames.size() ? kFashionNames[at] : cat(label);
  }
  std::string name(int64_t index) const override { return cat(file_, "[", index, "]"); }

  Image get(int64_t index) const override {
    QAT_ASSERT(index >= 0 && index < size());
    const int64_t height = images_->dim(1), width = images_->dim(2), bytes = height * width * channels();
    uint8_t* pixels = images_->data<uint8_t>().data() + index * bytes;
    return {.pixels = Tensor(DType::kU8, {height, width, channels()}, images_, pixels),
            .label = labels_.data<uint8_t>()[static_cast<size_t>(index)]};
  }

 private:
  std::string file_;
  std::shared_ptr<Tensor> images_;  // u8 [N,H,W] or [N,H,W,C]
  Tensor labels_;                   // u8 [N]
  int64_t classes_;
  bool fashion_;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

}  // namespace

Tensor read_idx(const std::filesystem::path& path) {
  const std::string name = path.string();
  GzipFile file(path);
  const auto [zero, type, rank] = read_magic(file, name);
  if (zero != 0) fail(Code::kBadFile, "[", name, "] expected an IDX file, its first two bytes are not zero");
  if (type != kUnsignedByte)
    fail(Code::kBadFile, "[", name, "] expected IDX elements of unsigned bytes (8), got type ", type);
  if (rank < 1 || rank > 4) fail(Code::kBadFile, "[", name, "] expected 1 to 4 IDX dimensions, got ", rank);
  Shape shape;
  for (uint32_t axis = 0; axis < rank; ++axis) shape.push_back(read_word(file, name));
  size_t size = 1;
  for (const int64_t extent : shape) size = checked_mul(size, static_cast<size_t>(extent), name.c_str());
  const auto truncated = [&](size_t got) {
    fail(Code::kBadFile, "[", name, "] IDX ", to_string(shape), ": expected ", size, " bytes of data, got ", got,
         "; fetch it again");
  };
  if (size > file.max_size()) truncated(file.max_size());
  void* memory = std::calloc(size + 64, 1);  // pages are taken when written
  if (memory == nullptr)
    fail(Code::kOutOfMemory, "[", name, "] no memory for ", human_bytes(static_cast<double>(size)));
  Tensor tensor(DType::kU8, shape, std::shared_ptr<void>(memory, std::free), memory);
  const size_t got = file.read(memory, size);
  if (got != size) truncated(got);
  char more = 0;
  if (file.read(&more, 1) != 0) fail(Code::kBadFile, "[", name, "] IDX ", to_string(shape), ": data after its end");
  return tensor;
}

std::optional<IdxFiles> find_idx(const std::filesystem::path& place, IdxSplit split) {
  if (std::filesystem::is_regular_file(place)) {
    const std::string name = place.filename().string();
    if (name.find("images") == std::string::npos)
      fail(Code::kBadFile, "[", place.string(), "] expected an IDX images file with \"images\" in its name");
    const std::string labels = replaced(replaced(replaced(name, "images", "labels"), "idx3", "idx1"), "idx4", "idx1");
    return IdxFiles{.images = place, .labels = place.parent_path() / labels};
  }
  for (const char* prefix : split == IdxSplit::kTrain ? std::array{"train", "train"} : std::array{"t10k", "test"}) {
    for (const char* dot : {"-", "."}) {
      for (const char* packed : {"", ".gz"}) {
        const auto path = [&](const char* what, const char* rank) {
          return place / cat(prefix, "-", what, dot, rank, "-ubyte", packed);
        };
        if (std::filesystem::is_regular_file(path("images", "idx3")))
          return IdxFiles{.images = path("images", "idx3"), .labels = path("labels", "idx1")};
      }
    }
  }
  return std::nullopt;
}

std::unique_ptr<Dataset> open_idx(const IdxFiles& files, const std::filesystem::path& other_labels) {
  const auto read = [](const std::filesystem::path& path, size_t min_rank, size_t max_rank) {
    Tensor tensor = read_idx(path);
    if (tensor.shape().size() < min_rank || tensor.shape().size() > max_rank)
      fail(Code::kBadFile, "[", path.string(), "] expected ", min_rank == 1 ? "labels [N]" : "images [N,H,W]", ", got ",
           to_string(tensor.shape()));
    return tensor;
  };
  const Tensor images = read(files.images, 3, 4), labels = read(files.labels, 1, 1);
  if (images.dim(0) != labels.dim(0))
    fail(Code::kBadFile, "[", files.labels.string(), "] expected ", images.dim(0), " labels, got ", labels.dim(0));
  if (images.size() == 0) fail(Code::kBadFile, "[", files.images.string(), "] has no pixels");
  if (images.shape().size() == 4 && images.dim(3) != 1 && images.dim(3) != 3)
    fail(Code::kBadFile, "[", files.images.string(), "] expected 1 or 3 channels, got ", images.dim(3));
  int64_t classes = count_classes(labels.data<uint8_t>());
  if (!other_labels.empty() && std::filesystem::is_regular_file(other_labels))
    classes = std::max(classes, count_classes(read(other_labels, 1, 1).data<uint8_t>()));
  return std::make_unique<IdxDataset>(files.images.string(), images, labels, classes);
}

}  // namespace qat::data
