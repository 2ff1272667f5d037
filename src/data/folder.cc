// Lists a folder of images per class and decodes on demand: see folder.h.
#include "data/folder.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "data/decode.h"

namespace qat::data {

namespace {

namespace fs = std::filesystem;

constexpr std::array kExtensions = {".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"};

bool is_image(const fs::path& path) {
  return std::count(kExtensions.begin(), kExtensions.end(), lower(path.extension().string())) > 0;
}

struct Item {
  std::string path;  // below the root
  int64_t label = 0;
};

// Appends the images below root / folder: those of the folder by name, then those of its subfolders. Sorting whole
// relative folder names is what sorted(os.walk()) does.
void list_class(const fs::path& root, const std::string& folder, int64_t label, std::vector<Item>& items) {
  std::vector<std::pair<std::string, std::string>> found;  // folder, file
  const std::string top = (root / folder).string();
  const auto options = fs::directory_options::follow_directory_symlink;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(top, options))
    if (is_image(entry.path()) && entry.is_regular_file())
      found.emplace_back(folder + entry.path().parent_path().string().substr(top.size()),
                         entry.path().filename().string());
  if (found.empty()) fail(Code::kBadFile, "[", top, "] the class folder has no image; add some, or remove it");
  std::sort(found.begin(), found.end());
  for (const auto& [below, file] : found) items.push_back({.path = cat(below, "/", file), .label = label});
}

class FolderDataset final : public Dataset {
 public:
  FolderDataset(fs::path root, std::vector<std::string> classes)
      : root_(std::move(root)), classes_(std::move(classes)) {
    for (const std::string& folder : class_folders(root_)) {
      const auto at = std::find(classes_.begin(), classes_.end(), folder);
      if (at == classes_.end())
        fail(Code::kBadFile, "[", (root_ / folder).string(), "] class \"", folder,
             "\" is not among the classes of the training images; remove or rename it");
      list_class(root_, folder, at - classes_.begin(), items_);
    }
  }

  int64_t size() const override { return static_cast<int64_t>(items_.size()); }
  int64_t channels() const override { return 3; }
  int64_t classes() const override { return static_cast<int64_t>(classes_.size()); }
  std::string class_name(int64_t label) const override { return classes_.at(static_cast<size_t>(label)); }
  std::vector<int64_t> empty_classes() const override {
    std::vector<bool> used(classes_.size());
    for (const Item& item : items_) used[static_cast<size_t>(item.label)] = true;
    std::vector<int64_t> empty;
    for (size_t i = 0; i < used.size(); ++i)
      if (!used[i]) empty.push_back(static_cast<int64_t>(i));
    return empty;
  }
  std::string name(int64_t index) const override { return (root_ / item(index).path).string(); }

  Image get(int64_t index) const override {
    const std::string file = name(index), content = read_file(file);
    return {.pixels = decode_image(std::as_bytes(std::span(content)), file, Color::kRgb), .label = item(index).label};
  }

 private:
  fs::path root_;
  std::vector<std::string> classes_;
  std::vector<Item> items_;

  const Item& item(int64_t index) const { return items_.at(static_cast<size_t>(index)); }
};

}  // namespace

std::vector<std::string> class_folders(const fs::path& root) {
  std::vector<std::string> names;
  if (!fs::is_directory(root)) return names;
  for (const fs::directory_entry& entry : fs::directory_iterator(root))
    if (entry.is_directory() && !entry.path().filename().string().starts_with("."))
      names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::unique_ptr<Dataset> open_folder(const fs::path& root, const std::vector<std::string>& classes) {
  try {
    return std::make_unique<FolderDataset>(root, classes);
  } catch (const fs::filesystem_error& error) {
    fail(Code::kIo, "[", error.path1().string(), "] cannot list it: ", error.code().message());
  }
}

}  // namespace qat::data
