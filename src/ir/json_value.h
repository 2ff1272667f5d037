// JSON forms of attribute fields, both ways: exact for floats (infinities and NaN as strings), names for enumerators.
#pragma once

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "ir/attr_fields.h"

namespace qat::ir {

// Insertion order, so that equal graphs give equal text.
using Json = nlohmann::ordered_json;

inline Json json_of(bool x) { return x; }
inline Json json_of(int x) { return x; }
inline Json json_of(int64_t x) { return x; }
inline Json json_of(double x) {
  if (std::isfinite(x)) return x;
  return std::isnan(x) ? "nan" : (x > 0 ? "inf" : "-inf");
}
inline Json json_of(float x) { return json_of(static_cast<double>(x)); }
inline Json json_of(RangeKind x) { return name_of(x); }
inline Json json_of(Activation x) { return name_of(x); }
template <class Range>
Json json_of(const Range& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(json_of(item));
  return list;
}

[[noreturn]] inline void bad_field(const std::string& path, const char* expected) {
  fail(Code::kBadFile, "[graph ", path, "] expected ", expected);
}

// What is at `path` of the file, read into x; throws Error(kBadFile) naming the path.
inline void read_json(const Json& json, const std::string& path, bool& x) {
  if (!json.is_boolean()) bad_field(path, "true or false");
  x = json.get<bool>();
}
inline void read_json(const Json& json, const std::string& path, int64_t& x) {
  const bool fits = json.is_number_integer() &&
                    (!json.is_number_unsigned() || json.get<uint64_t>() <= std::numeric_limits<int64_t>::max());
  if (!fits) bad_field(path, "an integer");
  x = json.get<int64_t>();
}
inline void read_json(const Json& json, const std::string& path, int& x) {
  int64_t wide = 0;
  read_json(json, path, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
    bad_field(path, "an integer of 32 bits");
  x = static_cast<int>(wide);
}
inline void read_json(const Json& json, const std::string& path, double& x) {
  if (json.is_number()) {
    x = json.get<double>();
  } else if (json == "inf" || json == "-inf") {
    x = json == "inf" ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
  } else if (json == "nan") {
    x = std::numeric_limits<double>::quiet_NaN();
  } else {
    bad_field(path, "a number");
  }
}
inline void read_json(const Json& json, const std::string& path, float& x) {
  double wide = 0;
  read_json(json, path, wide);
  if (std::isfinite(wide) && std::abs(wide) > std::numeric_limits<float>::max()) bad_field(path, "a number of f32");
  x = static_cast<float>(wide);
}
inline void read_json(const Json& json, const std::string& path, std::string& x) {
  if (!json.is_string()) bad_field(path, "a string");
  x = json.get<std::string>();
}

// An enumerator with values 0 .. count - 1 by its name.
template <class E>
void read_enum(const Json& json, const std::string& path, int count, E& x) {
  for (int i = 0; i < count; ++i) {
    if (json == name_of(static_cast<E>(i))) {
      x = static_cast<E>(i);
      return;
    }
  }
  bad_field(path, "a known name");
}
inline void read_json(const Json& json, const std::string& path, RangeKind& x) { read_enum(json, path, 2, x); }
inline void read_json(const Json& json, const std::string& path, Role& x) { read_enum(json, path, 3, x); }
inline void read_json(const Json& json, const std::string& path, Activation& x) { read_enum(json, path, 4, x); }

template <class T, size_t N>
void read_json(const Json& json, const std::string& path, std::array<T, N>& x) {
  if (!json.is_array() || json.size() != N) bad_field(path, cat("a list of ", N).c_str());
  for (size_t i = 0; i < N; ++i) read_json(json[i], path, x[i]);
}
template <class T>
void read_json(const Json& json, const std::string& path, std::vector<T>& x) {
  if (!json.is_array()) bad_field(path, "a list");
  x.resize(json.size());
  for (size_t i = 0; i < x.size(); ++i) read_json(json[i], path, x[i]);
}

}  // namespace qat::ir
