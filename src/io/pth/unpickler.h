// Reads a pickle (protocols 2 to 5) into plain objects. Nothing is ever imported or executed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "io/byte_reader.h"
#include "io/pth/pickle_objects.h"

namespace qat::io {

// A stack machine for the opcodes that plain values and tensors need. Globals outside pickle_objects' list, objects
// with state, and every other opcode are refused by name. Throws Error(kBadFile) "data.pkl byte N: ...".
class Unpickler {
 public:
  Unpickler(std::span<const std::byte> pickle, Objects& objects) : reader_(pickle), objects_(objects) {}

  ObjectId run();

 private:
  bool step();  // false at the pickle's end
  bool step_constant(uint8_t opcode);
  bool step_text(uint8_t opcode);
  bool step_container(uint8_t opcode);
  bool step_stack(uint8_t opcode);
  bool step_call(uint8_t opcode);

  void push(ObjectId id);
  void push_new(Object object) { push(objects_.add(std::move(object))); }
  void push_text(uint64_t size);
  void push_long(uint64_t size);
  void push_tuple(size_t count);
  void push_global(std::string_view module, std::string_view name);

  ObjectId top();
  ObjectId pop();
  std::vector<ObjectId> pop_to_mark();
  std::string_view pop_string();

  void append(const std::vector<ObjectId>& items);     // to the list on top
  void set_items(const std::vector<ObjectId>& items);  // of the dict on top
  void remember(uint64_t key);
  void recall(uint64_t key);

  ObjectId call(ObjectId callable, ObjectId arguments);  // REDUCE
  ObjectId make_dict(const Items& arguments);
  ObjectId make_tensor(const Items& arguments);
  ObjectId make_storage(ObjectId persistent_id);
  void build(ObjectId state);  // BUILD

  template <class T>
  T& expect(ObjectId id, const char* what) {
    T* object = std::get_if<T>(&objects_[id]);
    if (object == nullptr) fail(Code::kBadFile, "expected ", what);
    return *object;
  }
  std::string_view line(const char* what);  // text up to '\n'

  ByteReader reader_;
  Objects& objects_;
  std::vector<ObjectId> stack_;
  std::vector<size_t> marks_;  // heights of the stack
  std::unordered_map<uint64_t, ObjectId> memo_;
};

}  // namespace qat::io
