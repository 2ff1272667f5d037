// What a pickle may call: dicts, sizes, tensors and their storages. See unpickler.h.
#include "io/pth/pickle_opcodes.h"
#include "io/pth/unpickler.h"
#include "io/utf8.h"

namespace qat::io {

bool Unpickler::step_call(uint8_t code) {
  switch (code) {
    case opcode::kGlobal: {
      const std::string_view module = line("a global's module");
      push_global(module, line("a global's name"));
      return true;
    }
    case opcode::kStackGlobal: {
      const std::string_view name = pop_string();
      push_global(pop_string(), name);
      return true;
    }
    case opcode::kBinPersId:
      push(make_storage(pop()));
      return true;
    case opcode::kReduce: {
      const ObjectId arguments = pop();
      push(call(pop(), arguments));
      return true;
    }
    case opcode::kBuild:
      build(pop());
      return true;
    default:
      return false;
  }
}

void Unpickler::push_global(std::string_view module, std::string_view name) {
  const Global* global = find_global(module, name);
  if (global == nullptr)
    fail(Code::kBadFile, "needs the Python object \"", printable(module), ".", printable(name),
         "\", which is neither a plain value nor a tensor and is never loaded; save the weights alone, in Python: "
         "torch.save(model.state_dict(), path)");
  push_new(*global);
}

ObjectId Unpickler::call(ObjectId callable, ObjectId arguments_id) {
  const auto* what = std::get_if<Callable>(&expect<Global>(callable, "something to call").what);
  if (what == nullptr) fail(Code::kBadFile, "calls a storage class or a type of numbers");
  const Items& arguments = expect<TupleObject>(arguments_id, "the arguments of a call").items;
  switch (*what) {
    case Callable::kOrderedDict:
    case Callable::kCounter:
      return make_dict(arguments);
    case Callable::kRebuildTensor:
    case Callable::kRebuildTensorV2:
      return make_tensor(arguments);
    case Callable::kSize:
      if (arguments.size() != 1) break;
      expect<TupleObject>(arguments[0], "a tuple in torch.Size");
      return arguments[0];
    case Callable::kRebuildParameter:
    case Callable::kRebuildParameterWithState:
      if (arguments.empty()) break;
      expect<TensorObject>(arguments[0], "a tensor in a parameter");
      return arguments[0];
  }
  fail(Code::kBadFile, "a call has ", arguments.size(), " arguments");
}

// dict(), dict(another) or dict([(key, value), ...]).
ObjectId Unpickler::make_dict(const Items& arguments) {
  DictObject dict;
  if (arguments.size() > 1) fail(Code::kBadFile, "a dict is made from ", arguments.size(), " values");
  if (arguments.size() == 1) {
    if (const auto* other = std::get_if<DictObject>(&objects_[arguments[0]])) {
      objects_.append(dict.items, other->items);
    } else {
      for (const ObjectId pair_id : expect<ListObject>(arguments[0], "a list of pairs in a dict").items) {
        const auto* list = std::get_if<ListObject>(&objects_[pair_id]);
        const Items& pair = list != nullptr ? list->items : expect<TupleObject>(pair_id, "a pair in a dict").items;
        if (pair.size() != 2) fail(Code::kBadFile, "expected a pair in a dict, got ", pair.size(), " values");
        objects_.append(dict.items, pair);
      }
    }
  }
  return objects_.add(std::move(dict));
}

// _rebuild_tensor(_v2)(storage, offset, size, stride[, requires_grad, hooks[, metadata]])
ObjectId Unpickler::make_tensor(const Items& arguments) {
  if (arguments.size() < 4) fail(Code::kBadFile, "a tensor is made from ", arguments.size(), " values, expected 4");
  expect<StorageObject>(arguments[0], "a storage in a tensor");
  expect<TupleObject>(arguments[2], "a tensor's size");
  expect<TupleObject>(arguments[3], "a tensor's stride");
  return objects_.add(TensorObject{.storage = arguments[0],
                                   .size = arguments[2],
                                   .stride = arguments[3],
                                   .offset = expect<int64_t>(arguments[1], "a tensor's offset")});
}

// ("storage", class, key, device, elements)
ObjectId Unpickler::make_storage(ObjectId persistent_id) {
  const Items& parts = expect<TupleObject>(persistent_id, "a storage's description").items;
  if (parts.size() < 5 || expect<std::string_view>(parts[0], "the word storage") != "storage")
    fail(Code::kBadFile, "expected a storage's description of 5 values, got ", parts.size());
  const auto* type = std::get_if<DType>(&expect<Global>(parts[1], "a storage's class").what);
  if (type == nullptr) fail(Code::kBadFile, "expected a storage's class");
  return objects_.add(StorageObject{.key = expect<std::string_view>(parts[2], "a storage's key"),
                                    .count = expect<int64_t>(parts[4], "a storage's size"),
                                    .type = *type});
}

// The state of an OrderedDict is its attributes: a state dict's _metadata, versions of modules that we do not need.
void Unpickler::build(ObjectId state) {
  expect<DictObject>(state, "the attributes of a dict");
  expect<DictObject>(top(), "a dict to set attributes of");
}

}  // namespace qat::io
