// Reading a .pth: archive -> pickle -> plain values. See pth.h.
#include "io/pth/pth.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "io/pth/parse.h"
#include "io/pth/tensor_views.h"
#include "io/pth/unpickler.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

constexpr int kMaxDepth = 64;  // state dicts of optimizers reach 5

bool starts_with(std::span<const std::byte> bytes, std::string_view start) {
  return bytes.size() >= start.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), start.size()) == start;
}

// Says what the file is instead, where that is known.
void check_start(std::span<const std::byte> bytes) {
  static constexpr std::string_view kMagicNumber("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
  static constexpr const char* kResave =
      "; in Python: torch.save(torch.load(old_path, map_location=\"cpu\"), new_path) with PyTorch 1.6 or later";
  if (bytes.empty()) fail(Code::kBadFile, "is empty, expected a PyTorch checkpoint");
  if (starts_with(bytes, kMagicNumber) || (bytes.size() > 262 && starts_with(bytes.subspan(257), "ustar")))
    fail(Code::kBadFile, "is in PyTorch's older format (before 1.6, not a zip archive)", kResave);
  if (starts_with(bytes, "\x80"))
    fail(Code::kBadFile, "is a bare Python pickle, expected a PyTorch checkpoint; save it with torch.save");
  if (starts_with(bytes, "version https://git-lfs"))
    fail(Code::kBadFile, "is a Git LFS pointer, not the checkpoint itself; run git lfs pull");
  if (!starts_with(bytes, "PK\x03\x04"))
    fail(Code::kBadFile, "is no PyTorch checkpoint: expected a zip archive as torch.save writes it");
}

// The archive's one folder, with its slash: "archive/".
std::string find_folder(const ZipArchive& archive) {
  for (const ZipEntry& entry : archive.entries()) {
    if (!entry.name.ends_with("/data.pkl")) continue;
    std::string folder(entry.name.substr(0, entry.name.size() - 8));
    if (std::count(folder.begin(), folder.end(), '/') != 1) continue;
    if (archive.find(folder + "constants.pkl") != nullptr)
      fail(Code::kBadFile,
           "is a TorchScript archive, a program and no state dict; in Python: "
           "torch.save(torch.jit.load(path).state_dict(), new_path)");
    return folder;
  }
  fail(Code::kBadFile, "is a zip archive without data.pkl, so no PyTorch checkpoint");
}

void check_byte_order(const ZipArchive& archive, const std::string& folder) {
  const ZipEntry* entry = archive.find(folder + "byteorder");
  if (entry != nullptr && !starts_with(checked_data(*entry), "little"))
    fail(Code::kBadFile, "was saved on a big-endian machine; load and torch.save it on a little-endian one");
}

// Objects of the pickle to values; what is shared there is repeated here, within the budget.
class ValueBuilder {
 public:
  ValueBuilder(const Objects& objects, TensorViews& tensors, MemoryBudget& budget)
      : objects_(objects), tensors_(tensors), budget_(budget) {}

  PyValue build(ObjectId id, int depth) {
    if (depth > kMaxDepth) fail(Code::kBadFile, "values are nested deeper than ", kMaxDepth, " levels");
    return std::visit([&](const auto& object) { return make(object, id, depth); }, objects_[id]);
  }

 private:
  template <class T>
  PyValue make(const T& object, ObjectId id, int depth) {
    if constexpr (std::is_same_v<T, std::string_view>) {
      budget_.charge(object.size() + 1);
      return {.data = std::string(object)};
    } else if constexpr (std::is_same_v<T, ListObject>) {
      return {.data = build_list(object.items, depth)};
    } else if constexpr (std::is_same_v<T, TupleObject>) {
      return {.data = build_list(object.items, depth), .is_tuple = true};
    } else if constexpr (std::is_same_v<T, DictObject>) {
      return {.data = build_dict(object.items, depth)};
    } else if constexpr (std::is_same_v<T, TensorObject>) {
      return {.data = tensors_.get(id)};
    } else if constexpr (std::is_same_v<T, Global>) {
      const auto* type = std::get_if<DTypeName>(&object.what);
      if (type == nullptr) fail(Code::kBadFile, "holds a class where a value was expected");
      budget_.charge(type->text.size() + 1);
      return {.data = std::string(type->text)};
    } else if constexpr (std::is_same_v<T, StorageObject>) {
      fail(Code::kBadFile, "holds a bare storage where a value was expected");
    } else {
      return {.data = object};
    }
  }

  PyList build_list(const Items& items, int depth) {
    budget_.charge(items.size() * sizeof(PyValue));
    PyList list;
    list.reserve(items.size());
    for (const ObjectId id : items) list.push_back(build(id, depth + 1));
    return list;
  }

  std::string key_text(ObjectId id) {
    if (const auto* text = std::get_if<std::string_view>(&objects_[id])) return std::string(*text);
    if (const auto* number = std::get_if<int64_t>(&objects_[id])) return std::to_string(*number);
    fail(Code::kBadFile, "a dict has a key that is neither a string nor an integer");
  }

  PyDict build_dict(const Items& items, int depth) {
    static constexpr size_t kSetNode = 48;  // of the duplicate check
    budget_.charge(items.size() / 2 * (sizeof(PyDict::value_type) + kSetNode));
    PyDict dict;
    dict.reserve(items.size() / 2);
    std::unordered_set<std::string_view> keys;
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      std::string key = key_text(items[i]);
      budget_.charge(key.size() + 1);
      dict.emplace_back(std::move(key), build(items[i + 1], depth + 1));
      if (!keys.insert(dict.back().first).second)
        fail(Code::kBadFile, "a dict has the key \"", printable(dict.back().first), "\" twice");
    }
    return dict;
  }

  const Objects& objects_;
  TensorViews& tensors_;
  MemoryBudget& budget_;
};

}  // namespace

PyValue parse_pth(const Source& source) {
  check_start(source.bytes);
  MemoryBudget budget(source.bytes.size());
  const ZipArchive archive(source.bytes, budget);
  const std::string folder = find_folder(archive);
  check_byte_order(archive, folder);
  Objects objects(budget);
  const ObjectId root = Unpickler(checked_data(*archive.find(folder + "data.pkl")), objects).run();
  TensorViews tensors(source, archive, folder + "data/", objects, budget);
  return ValueBuilder(objects, tensors, budget).build(root, 0);
}

PyValue read_pth(const std::filesystem::path& path) {
  const Source source = map_source(path);  // its errors name the file themselves
  return with_place(path, [&] { return parse_pth(source); });
}

PyItem::PyItem(std::string key, const PyValue& value) : first(std::move(key)), second(value) {}
PyItem::PyItem(std::string key, PyValue&& value) : first(std::move(key)), second(std::move(value)) {}

const PyValue* PyValue::find(const std::string& key) const {
  const PyDict* dict = std::get_if<PyDict>(&data);
  if (dict == nullptr) return nullptr;
  const auto at = std::find_if(dict->begin(), dict->end(), [&](const auto& item) { return item.first == key; });
  return at == dict->end() ? nullptr : &at->second;
}

}  // namespace qat::io
