// open_dataset(): finds out what DATA.* describes and opens the split.
#include <algorithm>
#include <numeric>
#include <optional>

#include "base/text.h"
#include "data/cifar.h"
#include "data/dataset.h"
#include "data/folder.h"
#include "data/idx.h"
#include "data/subset.h"

namespace qat::data {

namespace {

namespace fs = std::filesystem;
using config::DataOptions;

// Where a split is: DATA.TRAIN or DATA.TEST when given, else DATA.PATH with `inside` set.
struct Place {
  fs::path path;
  bool inside = false;  // the path holds both splits
};

Place place_of(const DataOptions& options, bool train) {
  const std::string& own = train ? options.train : options.test;
  const char* key = train ? "DATA.TRAIN" : "DATA.TEST";
  if (own.empty() && options.path.empty())
    fail(Code::kUsage, "[DATA.PATH] no data given; set DATA.PATH to a folder, or ", key, " for this split");
  Place place{.path = own.empty() ? options.path : own, .inside = own.empty()};
  std::error_code ignored;
  if (!fs::exists(place.path, ignored))
    fail(Code::kIo, "[", place.path.string(), "] not found; check ", place.inside ? "DATA.PATH" : key);
  return place;
}

// The folders that a split may lie in, below DATA.PATH.
std::vector<std::string> split_folders(bool train) {
  return train ? std::vector<std::string>{"train"} : std::vector<std::string>{"test", "val", "validation"};
}

fs::path folder_root(const Place& place, bool train) {
  if (!place.inside) return place.path;
  for (const std::string& name : split_folders(train))
    if (fs::is_directory(place.path / name)) return place.path / name;
  return {};
}

// All that the place can be opened as; nullptr when it is none of the format.

std::unique_ptr<Dataset> try_idx(const DataOptions& options, const Place& place, bool train) {
  if (!place.inside && fs::is_regular_file(place.path) && lower(place.path.filename().string()).ends_with(".bin"))
    return nullptr;
  const auto files = find_idx(place.path, train ? IdxSplit::kTrain : IdxSplit::kTest);
  if (!files) return nullptr;
  const std::string& other_place = train ? options.test : options.train;
  const fs::path other = other_place.empty() ? fs::path(options.path) : fs::path(other_place);
  const auto other_files =
      fs::exists(other) ? find_idx(other, train ? IdxSplit::kTest : IdxSplit::kTrain) : std::nullopt;
  return open_idx(*files, other_files ? other_files->labels : fs::path());
}

std::unique_ptr<Dataset> try_cifar10(const Place& place, bool train) {
  if (fs::is_regular_file(place.path))
    return lower(place.path.extension().string()) == ".bin" ? open_cifar10({place.path}) : nullptr;
  const fs::path folder = find_cifar10(place.path);
  if (folder.empty()) return nullptr;
  return open_cifar10(train ? cifar10_train_files(folder) : cifar10_test_files(folder));
}

void check_names(const fs::path& root, const std::vector<std::string>& folders, const std::vector<std::string>& known) {
  for (const std::string& folder : folders) {
    if (std::find(known.begin(), known.end(), folder) != known.end()) continue;
    fail(Code::kBadFile, "[", root.string(), "] the folder ", folder, " is none of the model's ", known.size(),
         " classes (", known.front(), known.size() > 1 ? ", " + known[1] + ", ..." : "",
         "); rename it, or number folders in their order with DATA.LABELS order");
  }
}

std::unique_ptr<Dataset> try_folder(const DataOptions& options, const Place& place, bool train,
                                    const std::vector<std::string>& names) {
  const fs::path root = folder_root(place, train);
  std::vector<std::string> classes = root.empty() ? std::vector<std::string>() : class_folders(root);
  if (classes.empty()) return nullptr;
  if (!names.empty() && options.labels == "names") {
    check_names(root, classes, names);
    return open_folder(root, names);
  }
  if (!train && (!options.train.empty() || !options.path.empty())) {
    // Labels are those of the training folders, so that a class missing here shifts none.
    const fs::path train_root =
        options.train.empty() ? folder_root({.path = options.path, .inside = true}, true) : fs::path(options.train);
    const auto train_classes = train_root.empty() ? std::vector<std::string>() : class_folders(train_root);
    if (!train_classes.empty()) classes = train_classes;
  }
  return open_folder(root, classes);
}

std::unique_ptr<Dataset> open_whole(const DataOptions& options, bool train, const std::vector<std::string>& names) {
  const Place place = place_of(options, train);
  const bool any = options.format == "auto";
  if (!any && options.format != "idx" && options.format != "cifar10" && options.format != "folder")
    fail(Code::kUsage, "[DATA.FORMAT] expected idx, cifar10, folder or auto, got \"", options.format, "\"");
  std::unique_ptr<Dataset> found;
  if (any || options.format == "idx") found = try_idx(options, place, train);
  if (!found && (any || options.format == "cifar10")) found = try_cifar10(place, train);
  if (!found && (any || options.format == "folder")) found = try_folder(options, place, train, names);
  if (found) return found;
  const std::string split = train ? "train" : "test";
  fail(Code::kBadFile, "[", place.path.string(), "] no ", split, " images found; expected ",
       any || options.format == "idx" ? cat(train ? "train" : "t10k", "-images-idx3-ubyte[.gz]; ") : "",
       any || options.format == "cifar10" ? "data_batch_*.bin and test_batch.bin; " : "",
       any || options.format == "folder"
           ? cat("a folder of images per class in ", place.inside ? join(split_folders(train), "/ or ") + "/" : "it")
           : "nothing else by DATA.FORMAT",
       place.inside ? cat("; ", train ? "DATA.TRAIN" : "DATA.TEST", " names another place") : "");
}

std::vector<int64_t> all_indices(int64_t n) {
  std::vector<int64_t> indices(static_cast<size_t>(n));
  std::iota(indices.begin(), indices.end(), int64_t{0});
  return indices;
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DataOptions& options, Split split,
                                      const std::vector<std::string>& classes) {
  if (options.limit < 0) fail(Code::kUsage, "[DATA.LIMIT] expected 0 or more, got ", options.limit);
  std::shared_ptr<const Dataset> whole = open_whole(options, split != Split::kTest, classes);
  const int64_t n = whole->size();
  if (split == Split::kTest) return subset(whole, spread(all_indices(n), options.limit));
  if (options.validation < 0 || options.validation >= n)
    fail(Code::kUsage, "[DATA.VALIDATION] expected 0 to ", n - 1, " of ", n, " training images, got ",
         options.validation);
  if (split == Split::kValidation && options.validation == 0)
    fail(Code::kUsage, "[DATA.VALIDATION] is 0, so there is no validation split; set it to the images to hold out");
  HeldOut parts = hold_out(n, options.validation);
  return subset(whole, spread(split == Split::kTrain ? parts.train : parts.validation, options.limit));
}

std::string missing_classes(const Dataset& dataset) {
  constexpr size_t kNamed = 5;
  const std::vector<int64_t> empty = dataset.empty_classes();
  if (empty.empty()) return "";
  std::vector<std::string> names;
  for (const int64_t label : empty)
    if (names.size() < kNamed) names.push_back(dataset.class_name(label));
  return cat("no image of ", empty.size(), " of the ", dataset.classes(), " classes: ", join(names, ", "),
             empty.size() > kNamed ? ", ..." : "");
}

std::vector<std::string> class_names(const std::map<std::string, std::string>& metadata) {
  const auto names = metadata.find("class_names"), count = metadata.find("classes");
  if (names == metadata.end() || count == metadata.end()) return {};
  std::vector<std::string> parts = split(names->second, ',');
  return cat(parts.size()) == count->second ? parts : std::vector<std::string>();
}

}  // namespace qat::data
