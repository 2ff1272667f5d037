// The unpickler's stack machine: constants, containers, memo. Calls are in unpickler_calls.cc. See unpickler.h.
#include "io/pth/unpickler.h"

#include <algorithm>
#include <bit>

#include "io/pth/pickle_opcodes.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

constexpr int kNewestProtocol = 5;

// What a vector's next push_back allocates: nothing, or twice what it has.
template <class T>
void charge_growth(const std::vector<T>& items, MemoryBudget& budget) {
  if (items.size() == items.capacity()) budget.charge(std::max<size_t>(2 * items.capacity(), 16) * sizeof(T));
}

}  // namespace

ObjectId Unpickler::run() {
  size_t at = 0;
  try {
    do {
      at = reader_.position();
    } while (step());
    if (stack_.size() != 1 || !marks_.empty()) fail(Code::kBadFile, "the pickle ends with an unfinished value");
    return stack_.back();
  } catch (const Error& error) {
    throw Error(error.code(), cat("data.pkl byte ", at, ": ", error.what()));
  }
}

bool Unpickler::step() {
  const auto code = reader_.read<uint8_t>("the pickle");
  if (code == opcode::kStop) return false;
  if (!step_constant(code) && !step_text(code) && !step_container(code) && !step_stack(code) && !step_call(code))
    fail(Code::kBadFile, "unknown or forbidden pickle opcode ", int{code},
         "; save plain values and tensors only, with torch.save and its default protocol");
  return true;
}

bool Unpickler::step_constant(uint8_t code) {
  switch (code) {
    case opcode::kNone:
      push_new(std::monostate{});
      return true;
    case opcode::kNewTrue:
    case opcode::kNewFalse:
      push_new(code == opcode::kNewTrue);
      return true;
    case opcode::kBinInt:
      push_new(int64_t{reader_.read<int32_t>("an integer")});
      return true;
    case opcode::kBinInt1:
      push_new(int64_t{reader_.read<uint8_t>("an integer")});
      return true;
    case opcode::kBinInt2:
      push_new(int64_t{reader_.read<uint16_t>("an integer")});
      return true;
    case opcode::kLong1:
      push_long(reader_.read<uint8_t>("an integer"));
      return true;
    case opcode::kLong4:
      push_long(reader_.read<uint32_t>("an integer"));
      return true;
    case opcode::kBinFloat:  // the one big-endian number
      push_new(std::bit_cast<double>(__builtin_bswap64(reader_.read<uint64_t>("a float"))));
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_text(uint8_t code) {
  switch (code) {
    case opcode::kShortBinUnicode:
      push_text(reader_.read<uint8_t>("a string"));
      return true;
    case opcode::kBinUnicode:
      push_text(reader_.read<uint32_t>("a string"));
      return true;
    case opcode::kBinUnicode8:
      push_text(reader_.read<uint64_t>("a string"));
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_container(uint8_t code) {
  switch (code) {
    case opcode::kEmptyTuple:
      push_tuple(0);
      return true;
    case opcode::kTuple1:
    case opcode::kTuple2:
    case opcode::kTuple3:
      push_tuple(size_t{code} - opcode::kTuple1 + 1);
      return true;
    case opcode::kTuple: {
      const std::vector<ObjectId> items = pop_to_mark();
      TupleObject tuple;
      objects_.append(tuple.items, items);
      push_new(std::move(tuple));
      return true;
    }
    case opcode::kEmptyList:
      push_new(ListObject{});
      return true;
    case opcode::kAppend:
      append({pop()});
      return true;
    case opcode::kAppends:
      append(pop_to_mark());
      return true;
    case opcode::kEmptyDict:
      push_new(DictObject{});
      return true;
    case opcode::kSetItem: {
      const ObjectId value = pop();
      const ObjectId key = pop();
      set_items({key, value});
      return true;
    }
    case opcode::kSetItems:
      set_items(pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool Unpickler::step_stack(uint8_t code) {
  switch (code) {
    case opcode::kProto:
      if (const int protocol = reader_.read<uint8_t>("the protocol"); protocol < 2 || protocol > kNewestProtocol)
        fail(Code::kBadFile, "expected pickle protocol 2 to ", kNewestProtocol, ", got ", protocol);
      return true;
    case opcode::kFrame:  // a hint for buffering
      reader_.read<uint64_t>("a frame");
      return true;
    case opcode::kMark:
      charge_growth(marks_, objects_.budget());
      marks_.push_back(stack_.size());
      return true;
    case opcode::kPop:
      pop();
      return true;
    case opcode::kPopMark:
      pop_to_mark();
      return true;
    case opcode::kDup:
      push(top());
      return true;
    case opcode::kBinPut:
      remember(reader_.read<uint8_t>("a memo index"));
      return true;
    case opcode::kLongBinPut:
      remember(reader_.read<uint32_t>("a memo index"));
      return true;
    case opcode::kMemoize:
      remember(memo_.size());
      return true;
    case opcode::kBinGet:
      recall(reader_.read<uint8_t>("a memo index"));
      return true;
    case opcode::kLongBinGet:
      recall(reader_.read<uint32_t>("a memo index"));
      return true;
    default:
      return false;
  }
}

void Unpickler::push(ObjectId id) {
  charge_growth(stack_, objects_.budget());
  stack_.push_back(id);
}

void Unpickler::push_text(uint64_t size) {
  const std::string_view text = reader_.text(size, "a string");
  if (!valid_utf8(text)) fail(Code::kBadFile, "a string is not UTF-8");
  push_new(text);
}

// Two's complement, little-endian, as short as it can be.
void Unpickler::push_long(uint64_t size) {
  const std::string_view digits = reader_.text(size, "an integer");
  if (size > 8) fail(Code::kBadFile, "an integer of ", size, " bytes, expected at most 64 bits");
  uint64_t value = 0;
  for (size_t i = 0; i < digits.size(); ++i) value |= uint64_t{static_cast<uint8_t>(digits[i])} << (8 * i);
  const auto unused = static_cast<int>(64 - 8 * size);
  if (size > 0) value = static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused);
  push_new(static_cast<int64_t>(value));
}

void Unpickler::push_tuple(size_t count) {
  TupleObject tuple;
  std::vector<ObjectId> items(count);
  for (size_t i = count; i-- > 0;) items[i] = pop();
  if (count > 0) objects_.append(tuple.items, items);
  push_new(std::move(tuple));
}

ObjectId Unpickler::top() {
  const size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) fail(Code::kBadFile, "the pickle takes a value where there is none");
  return stack_.back();
}

ObjectId Unpickler::pop() {
  const ObjectId id = top();
  stack_.pop_back();
  return id;
}

std::vector<ObjectId> Unpickler::pop_to_mark() {
  if (marks_.empty()) fail(Code::kBadFile, "the pickle ends a group that it did not begin");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<ObjectId> items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

std::string_view Unpickler::pop_string() { return expect<std::string_view>(pop(), "a string"); }

void Unpickler::append(const std::vector<ObjectId>& items) {
  objects_.append(expect<ListObject>(top(), "a list").items, items);
}

void Unpickler::set_items(const std::vector<ObjectId>& items) {
  if (items.size() % 2 != 0) fail(Code::kBadFile, "a dict has a key without a value");
  objects_.append(expect<DictObject>(top(), "a dict").items, items);
}

void Unpickler::remember(uint64_t key) {
  objects_.budget().charge(64);  // a node and its share of the buckets
  memo_.insert_or_assign(key, top());
}

void Unpickler::recall(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail(Code::kBadFile, "the pickle refers to memo entry ", key, ", which is not set");
  push(found->second);
}

std::string_view Unpickler::line(const char* what) {
  const size_t begin = reader_.position();
  ByteReader ahead = reader_;
  while (ahead.read<char>(what) != '\n') {
  }
  const std::string_view text = reader_.text(ahead.position() - begin, what);
  return text.substr(0, text.size() - 1);
}

}  // namespace qat::io
