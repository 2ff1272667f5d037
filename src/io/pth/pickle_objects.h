// What unpickling builds: plain objects in one arena that refer to each other by index, so that neither sharing nor
// cycles nor depth in a hostile file can hurt; and the globals a checkpoint may name.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/dtype.h"
#include "io/source.h"

namespace qat::io {

using ObjectId = uint32_t;

enum class Callable : uint8_t {
  kOrderedDict,
  kCounter,
  kSize,
  kRebuildTensor,
  kRebuildTensorV2,
  kRebuildParameter,
  kRebuildParameterWithState,
};

// torch.float32 and the like: a value of its own, which says what something else is.
struct DTypeName {
  std::string_view text;  // "torch.float32"
};

// A global of the allow-list: something to call, the class of a storage, or a type's name.
struct Global {
  std::variant<Callable, DType, DTypeName> what;
};

// nullptr for everything that is not on the list.
const Global* find_global(std::string_view module, std::string_view name);

using Items = std::vector<ObjectId>;
struct ListObject {
  Items items;
};
struct TupleObject {
  Items items;
};
struct DictObject {
  Items items;  // key, value, key, value, ...
};
struct StorageObject {
  std::string_view key;  // of the entry data/<key>
  int64_t count = 0;     // elements
  DType type = DType::kF32;
};
// A view: element (i, j, ...) is storage[offset + i stride[0] + j stride[1] + ...].
struct TensorObject {
  ObjectId storage = 0;
  ObjectId size = 0, stride = 0;  // tuples of integers, unchecked
  int64_t offset = 0;
};

// Texts point into the pickle.
using Object = std::variant<std::monostate, bool, int64_t, double, std::string_view, ListObject, TupleObject,
                            DictObject, Global, StorageObject, TensorObject>;

class Objects {
 public:
  explicit Objects(MemoryBudget& budget) : budget_(&budget) {}

  ObjectId add(Object object);
  Object& operator[](ObjectId id) { return all_[id]; }
  const Object& operator[](ObjectId id) const { return all_[id]; }

  void append(Items& items, std::span<const ObjectId> added);
  MemoryBudget& budget() { return *budget_; }

 private:
  MemoryBudget* budget_;
  std::deque<Object> all_;
};

}  // namespace qat::io
