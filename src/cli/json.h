// JSON as the commands print it and keep it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace qat::cli {

using Json = nlohmann::ordered_json;  // keys in the order in which they were set

// indent -1: on one line. Bytes that are no UTF-8 (names in a file may hold anything) become U+FFFD.
inline std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace qat::cli
