// A streaming JSON handler for exactly the header's form: see header.h.
#include "io/safetensors/header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "io/utf8.h"

namespace qat::io {

namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDims = 64;

std::optional<DType> parse_type(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(DType::kBool); ++i) {
    if (safetensors_name(static_cast<DType>(i)) == name) return static_cast<DType>(i);
  }
  return {};
}

// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ..., "__metadata__": {"key": "text"}}
class Handler : public nlohmann::json_sax<Json> {
 public:
  explicit Handler(MemoryBudget& budget) : budget_(budget) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(size_t) override {
    switch (state_) {
      case State::kStart:
        return go(State::kTop);
      case State::kTopValue:
        return go(name_ == "__metadata__" ? State::kMetadata : State::kEntry);
      default:
        return unexpected("an object");
    }
  }

  bool key(std::string& text) override {
    budget_.charge(4 * text.size() + 64);
    if (state_ == State::kTop) {
      name_ = text;
      if (!names_.insert(text).second) fail(Code::kBadFile, "header has the key \"", printable(text), "\" twice");
      if (text != "__metadata__") {
        budget_.charge(3 * sizeof(SafetensorsEntry));
        header_.entries.push_back({.name = text});
      }
      return go(State::kTopValue);
    }
    key_ = text;
    if (state_ == State::kMetadata) {
      if (header_.metadata.contains(text))
        fail(Code::kBadFile, "header's metadata has \"", printable(text), "\" twice");
      return go(State::kMetadataValue);
    }
    const size_t field = text == "dtype" ? 1 : (text == "shape" ? 2 : (text == "data_offsets" ? 4 : 0));
    if (field == 0) return unexpected("a field of that name");
    if ((fields_ & field) != 0) fail(Code::kBadFile, "header: tensor \"", printable(name_), "\" has ", text, " twice");
    fields_ |= field;
    return go(State::kField);
  }

  bool end_object() override {
    if (state_ == State::kTop) return go(State::kEnd);
    if (state_ == State::kEntry && fields_ != 7) return unexpected("its end before dtype, shape and data_offsets");
    fields_ = 0;
    return go(State::kTop);
  }

  bool string(std::string& text) override {
    if (state_ == State::kMetadataValue) {
      budget_.charge(2 * text.size() + 128);
      header_.metadata.emplace(key_, text);
      return go(State::kMetadata);
    }
    if (state_ != State::kField || key_ != "dtype") return unexpected("a string");
    const std::optional<DType> type = parse_type(text);
    if (!type)
      fail(Code::kBadFile, "header: tensor \"", printable(name_), "\" has the type ", printable(text),
           ", which is not supported");
    header_.entries.back().type = *type;
    return go(State::kEntry);
  }

  bool start_array(size_t) override {
    if (state_ != State::kField || key_ == "dtype") return unexpected("a list");
    length_ = 0;
    return go(State::kList);
  }

  bool number_unsigned(uint64_t value) override {
    if (state_ != State::kList) return unexpected("a number");
    SafetensorsEntry& entry = header_.entries.back();
    if (key_ == "shape") {
      if (length_ == kMaxDims || value > uint64_t{1} << 62) return unexpected("such a number");
      budget_.charge(3 * sizeof(int64_t));
      entry.shape.push_back(static_cast<int64_t>(value));
    } else {
      if (length_ == 2) return unexpected("a third offset");
      entry.offsets[length_] = value;
    }
    ++length_;
    return true;
  }

  bool end_array() override {
    if (key_ == "data_offsets" && length_ != 2) return unexpected("a list that is no pair");
    return go(State::kEntry);
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a boolean"); }
  bool number_integer(int64_t) override { return unexpected("a negative number"); }
  bool number_float(double, const std::string&) override { return unexpected("a fraction"); }
  bool binary(Json::binary_t&) override { return unexpected("binary data"); }
  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    fail(Code::kBadFile, "header is not valid JSON at byte ", position);
  }

 private:
  enum class State { kStart, kTop, kTopValue, kMetadata, kMetadataValue, kEntry, kField, kList, kEnd };

  bool go(State state) {
    state_ = state;
    return true;
  }
  [[noreturn]] bool unexpected(const char* what) const {
    fail(Code::kBadFile, "header: unexpected ", what, " at \"", printable(name_), "\"",
         key_.empty() ? "" : cat(" \"", printable(key_), "\""));
  }

  MemoryBudget& budget_;
  SafetensorsHeader header_;
  State state_ = State::kStart;
  std::string name_, key_;
  std::unordered_set<std::string> names_;
  size_t fields_ = 0;  // bits: dtype, shape, data_offsets
  size_t length_ = 0;  // of the list
};

}  // namespace

SafetensorsHeader parse_header(std::string_view json, MemoryBudget& budget) {
  Handler handler(budget);
  Json::sax_parse(json.begin(), json.end(), &handler);
  return handler.take();
}

std::string_view safetensors_name(DType type) {
  switch (type) {
    case DType::kF32:
      return "F32";
    case DType::kF16:
      return "F16";
    case DType::kBF16:
      return "BF16";
    case DType::kF64:
      return "F64";
    case DType::kI8:
      return "I8";
    case DType::kU8:
      return "U8";
    case DType::kI16:
      return "I16";
    case DType::kI32:
      return "I32";
    case DType::kI64:
      return "I64";
    case DType::kBool:
      return "BOOL";
  }
  return "";
}

}  // namespace qat::io
