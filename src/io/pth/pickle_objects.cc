// The arena of unpickled objects and the allow-list of globals: see pickle_objects.h.
#include "io/pth/pickle_objects.h"

#include <array>
#include <limits>

namespace qat::io {

namespace {

struct Listed {
  std::string_view module, name;
  Global global;
};

// The whole allow-list. Calling any of them only builds plain data; types of numbers are kept as their names.
constexpr std::array kListed{
    Listed{"collections", "OrderedDict", {Callable::kOrderedDict}},
    Listed{"collections", "Counter", {Callable::kCounter}},  // milestones of a learning-rate schedule
    Listed{"torch", "Size", {Callable::kSize}},
    Listed{"torch._utils", "_rebuild_tensor", {Callable::kRebuildTensor}},
    Listed{"torch._utils", "_rebuild_tensor_v2", {Callable::kRebuildTensorV2}},
    Listed{"torch._utils", "_rebuild_parameter", {Callable::kRebuildParameter}},
    Listed{"torch._utils", "_rebuild_parameter_with_state", {Callable::kRebuildParameterWithState}},
    Listed{"torch", "FloatStorage", {DType::kF32}},
    Listed{"torch", "DoubleStorage", {DType::kF64}},
    Listed{"torch", "HalfStorage", {DType::kF16}},
    Listed{"torch", "BFloat16Storage", {DType::kBF16}},
    Listed{"torch", "CharStorage", {DType::kI8}},
    Listed{"torch", "ByteStorage", {DType::kU8}},
    Listed{"torch", "ShortStorage", {DType::kI16}},
    Listed{"torch", "IntStorage", {DType::kI32}},
    Listed{"torch", "LongStorage", {DType::kI64}},
    Listed{"torch", "BoolStorage", {DType::kBool}},
    Listed{"torch", "UntypedStorage", {DType::kU8}},
    Listed{"torch.storage", "UntypedStorage", {DType::kU8}},
    Listed{"torch", "float32", {DTypeName{"torch.float32"}}},
    Listed{"torch", "float64", {DTypeName{"torch.float64"}}},
    Listed{"torch", "float16", {DTypeName{"torch.float16"}}},
    Listed{"torch", "bfloat16", {DTypeName{"torch.bfloat16"}}},
    Listed{"torch", "int8", {DTypeName{"torch.int8"}}},
    Listed{"torch", "uint8", {DTypeName{"torch.uint8"}}},
    Listed{"torch", "int16", {DTypeName{"torch.int16"}}},
    Listed{"torch", "int32", {DTypeName{"torch.int32"}}},
    Listed{"torch", "int64", {DTypeName{"torch.int64"}}},
    Listed{"torch", "bool", {DTypeName{"torch.bool"}}},
    Listed{"torch", "complex64", {DTypeName{"torch.complex64"}}},
    Listed{"torch", "complex128", {DTypeName{"torch.complex128"}}},
};

}  // namespace

const Global* find_global(std::string_view module, std::string_view name) {
  if (module == "torch.cuda" && name.ends_with("Storage")) module = "torch";  // files saved on a GPU by older versions
  for (const Listed& listed : kListed) {
    if (listed.module == module && listed.name == name) return &listed.global;
  }
  return nullptr;
}

ObjectId Objects::add(Object object) {
  budget_->charge(sizeof(Object));
  QAT_ASSERT(all_.size() < std::numeric_limits<ObjectId>::max());
  all_.push_back(std::move(object));
  return static_cast<ObjectId>(all_.size() - 1);
}

void Objects::append(Items& items, std::span<const ObjectId> added) {
  // A vector that doubles holds up to twice its items, and three times while it moves; a first block costs 32 bytes.
  budget_->charge(added.size() * 3 * sizeof(ObjectId) + (items.empty() ? 32 : 0));
  items.insert(items.end(), added.begin(), added.end());
}

}  // namespace qat::io
