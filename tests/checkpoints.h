// Compares two checkpoint files value by value.
#pragma once

#include <string>

#include "io/pth/pth.h"

namespace qat::e2e {

// The first place at which they differ, ".training.average.fc.bias"; "" when none. Bits are compared. Times in the
// history are not part of the state.
std::string first_difference(const io::PyValue& a, const io::PyValue& b, const std::string& place = "");

}  // namespace qat::e2e
