// Mean and deviation of a network's images: see normalization.h.
#include "base/normalization.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace qat {

namespace {

// What words are made of, numbers among them: all else is between words.
bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::strchr("+-._", c) != nullptr; }

bool finite(double value) { return std::abs(value) <= std::numeric_limits<float>::max(); }  // false of NaN

}  // namespace

std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  for (auto at = text.begin(); at != text.end();) {
    const auto first = std::find_if(at, text.end(), in_word);
    at = std::find_if_not(first, text.end(), in_word);
    const bool plus = at - first > 1 && *first == '+' && first[1] != '-';  // which from_chars does not take
    const std::string word(plus ? first + 1 : first, at);
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error == std::errc() && end == word.data() + word.size() && finite(value)) numbers.push_back(value);
  }
  return numbers;
}

bool fits_channels(const std::vector<double>& values, int64_t channels) {
  return values.size() == 1 || static_cast<int64_t>(values.size()) == channels;
}

bool of_bytes(const std::vector<double>& mean, const std::vector<double>& std) {
  const auto above = [](const std::vector<double>& list, double limit) {
    return std::any_of(list.begin(), list.end(), [limit](double x) { return x > limit; });
  };
  return above(mean, 1) || above(std, 10);
}

void check_normalization(const std::vector<double>& mean, const std::vector<double>& std, const std::string& file,
                         const std::string& remedy) {
  // As f32, which images are normalized in.
  if (!std::all_of(std.begin(), std.end(), [](double x) { return static_cast<float>(x) > 0; })) {
    fail(Code::kBadFile, file, ": its deviation [", join(std, ", "), "] is not above 0; ", remedy);
  }
  if (!of_bytes(mean, std)) return;
  fail(Code::kBadFile, file, ": its mean [", join(mean, ", "), "] and deviation [", join(std, ", "),
       "] are of pixels 0 to 255, expected both divided by 255; ", remedy);
}

}  // namespace qat
