// Mean and deviation per channel that a network's images are normalized with, as files and options give them: of x /
// 255.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qat {

// "0.286", "[0.485, 0.456, 0.406]", "0.485 0.456 0.406"; words that are no finite number of an f32's range are passed
// over, each as a whole.
std::vector<double> numbers_in(const std::string& text);

// Whether they are for images of so many channels: one value for all, or one of each channel.
bool fits_channels(const std::vector<double>& values, int64_t channels);

// Whether they are of pixels 0 to 255: a mean of x / 255 is at most 1, and no deviation of pixels in use is below 10.
bool of_bytes(const std::vector<double>& mean, const std::vector<double>& std);

// The one rule for what a file says of itself. Throws Error(kBadFile) with the file's name and the remedy where a
// deviation is not above 0 and where of_bytes().
void check_normalization(const std::vector<double>& mean, const std::vector<double>& std, const std::string& file,
                         const std::string& remedy);

}  // namespace qat
