// Mean and deviation of a network's images: see normalization.h.
#include "base/normalization.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace qat {

std::vector<double> numbers_in(const std::string& text) {
  std::vector<double> numbers;
  for (const char *at = text.data(), *end = text.data() + text.size(); at < end;) {
    double value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc()) numbers.push_back(value);
    at = error == std::errc() ? next : at + 1;
  }
  return numbers;
}

bool of_bytes(const std::vector<double>& mean, const std::vector<double>& std) {
  const auto above = [](const std::vector<double>& list, double limit) {
    return std::any_of(list.begin(), list.end(), [limit](double x) { return x > limit; });
  };
  return above(mean, 1) || above(std, 10);
}

void check_normalization(const std::vector<double>& mean, const std::vector<double>& std, const std::string& file,
                         const std::string& remedy) {
  if (!of_bytes(mean, std)) return;
  fail(Code::kBadFile, file, ": its mean [", join(mean, ", "), "] and deviation [", join(std, ", "),
       "] are of pixels 0 to 255, expected those of x / 255; ", remedy);
}

}  // namespace qat
