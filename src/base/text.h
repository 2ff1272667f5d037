// Small string helpers without dependencies: concatenation, joining, splitting, "did you mean".
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace qat {

// Concatenates anything that has operator<<.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// "1x3x224x224" for {1, 3, 224, 224} and "x".
template <class Range>
std::string join(const Range& items, std::string_view separator) {
  std::ostringstream out;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out << separator;
    out << item;
    first = false;
  }
  return out.str();
}

// Splits at every separator; "a,,b" gives three parts, "" gives none.
std::vector<std::string> split(std::string_view text, char separator);

std::string trim(std::string_view text);
std::string lower(std::string_view text);

// The candidate with the smallest edit distance to `word`, or "" when none is close (more than a third of its length).
std::string closest(std::string_view word, const std::vector<std::string>& candidates);

// 1536 -> "1.5 KiB".
std::string human_bytes(double bytes);

}  // namespace qat
