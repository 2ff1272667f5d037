// Views of storages: bounds, contiguity, strided copies. See tensor_views.h.
#include "io/pth/tensor_views.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

constexpr size_t kMaxDims = 64;  // as PyTorch

Shape integers(const Objects& objects, ObjectId tuple, const char* what) {
  const Items& items = std::get<TupleObject>(objects[tuple]).items;
  if (items.size() > kMaxDims) fail(Code::kBadFile, "a tensor has ", items.size(), " dimensions");
  Shape values;
  for (const ObjectId id : items) {
    const auto* value = std::get_if<int64_t>(&objects[id]);
    if (value == nullptr || *value < 0) fail(Code::kBadFile, "a tensor's ", what, " is not a natural number");
    values.push_back(*value);
  }
  return values;
}

struct View {
  Shape shape, stride;
  int64_t offset = 0;
};

// Index of the last element that the view reaches; only for views that have elements.
int64_t last_index(const View& view) {
  int64_t last = view.offset;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    const int64_t reach = checked_mul(view.shape[i] - 1, view.stride[i], "a tensor's stride");
    last = checked_add(last, reach, "a tensor's stride");
  }
  return last;
}

bool row_major(const View& view) {
  int64_t step = 1;
  for (size_t i = view.shape.size(); i-- > 0;) {
    if (view.shape[i] != 1 && view.stride[i] != step) return false;
    step *= view.shape[i];
  }
  return true;
}

// Copies axis `axis` and those behind it; returns where the next element goes.
template <size_t kBytes>
std::byte* copy_strided(const View& view, size_t axis, const std::byte* from, std::byte* into) {
  if (axis == view.shape.size()) {
    std::memcpy(into, from, kBytes);
    return into + kBytes;
  }
  const int64_t step = view.stride[axis] * static_cast<int64_t>(kBytes);
  if (axis + 1 == view.shape.size()) {
    for (int64_t i = 0; i < view.shape[axis]; ++i, into += kBytes) std::memcpy(into, from + i * step, kBytes);
    return into;
  }
  for (int64_t i = 0; i < view.shape[axis]; ++i) into = copy_strided<kBytes>(view, axis + 1, from + i * step, into);
  return into;
}

void copy_strided(const View& view, size_t element, const std::byte* from, std::byte* into) {
  switch (element) {
    case 1:
      copy_strided<1>(view, 0, from, into);
      return;
    case 2:
      copy_strided<2>(view, 0, from, into);
      return;
    case 4:
      copy_strided<4>(view, 0, from, into);
      return;
    default:
      QAT_ASSERT(element == 8);
      copy_strided<8>(view, 0, from, into);
  }
}

bool aligned(const void* data, size_t element) { return reinterpret_cast<uintptr_t>(data) % element == 0; }

}  // namespace

Tensor TensorViews::get(ObjectId id) {
  auto found = done_.find(id);
  if (found == done_.end()) {
    budget_.charge(128 + sizeof(Tensor));  // a node and its share of the buckets
    found = done_.emplace(id, make(std::get<TensorObject>(objects_[id]))).first;
  }
  budget_.charge(32 + 2 * sizeof(int64_t) * found->second.shape().size());  // each copy has its own shape
  return found->second;
}

std::span<const std::byte> TensorViews::storage_bytes(const StorageObject& storage) {
  const ZipEntry* entry = archive_.find(folder_ + std::string(storage.key));
  if (entry == nullptr) fail(Code::kBadFile, "storage \"", printable(storage.key), "\" is missing from the archive");
  const auto [seen, first] = checked_.try_emplace(storage.key, &storage);
  if (!first) {
    if (seen->second->type != storage.type || seen->second->count != storage.count)
      fail(Code::kBadFile, "storage \"", printable(storage.key), "\" is used with two element types or sizes");
    return entry->data;
  }
  budget_.charge(64);
  checked_data(*entry);
  const auto count = static_cast<size_t>(storage.count);
  if (storage.count < 0 || checked_mul(count, size_of(storage.type), "a storage") != entry->data.size())
    fail(Code::kBadFile, "storage \"", printable(storage.key), "\": expected ", storage.count, " elements of ",
         name_of(storage.type), ", the archive holds ", entry->data.size(), " bytes");
  const auto is_bool = [](std::byte b) { return static_cast<uint8_t>(b) <= 1; };
  if (storage.type == DType::kBool && !std::all_of(entry->data.begin(), entry->data.end(), is_bool))
    fail(Code::kBadFile, "storage \"", printable(storage.key), "\" holds bytes that are no booleans");
  return entry->data;
}

Tensor TensorViews::make(const TensorObject& object) {
  const View view{.shape = integers(objects_, object.size, "size"),
                  .stride = integers(objects_, object.stride, "stride"),
                  .offset = object.offset};
  const auto& storage = std::get<StorageObject>(objects_[object.storage]);
  const std::span<const std::byte> bytes = storage_bytes(storage);
  if (view.shape.size() != view.stride.size()) fail(Code::kBadFile, "a tensor's size and stride differ in length");
  const int64_t elements = count(view.shape);
  if (elements == 0) return Tensor(storage.type, view.shape);
  if (view.offset < 0 || last_index(view) >= storage.count)
    fail(Code::kBadFile, "a tensor of shape ", to_string(view.shape), " reaches past its storage \"",
         printable(storage.key), "\" of ", storage.count, " elements");
  const size_t element = size_of(storage.type);
  const std::byte* begin = bytes.data() + static_cast<size_t>(view.offset) * element;
  if (row_major(view) && aligned(begin, element))
    return Tensor(storage.type, view.shape, source_.owner, const_cast<std::byte*>(begin));
  budget_.charge(checked_mul(static_cast<size_t>(elements), element, "a tensor") + 128);
  Tensor copy(storage.type, view.shape);
  copy_strided(view, element, begin, static_cast<std::byte*>(copy.raw()));
  return copy;
}

}  // namespace qat::io
