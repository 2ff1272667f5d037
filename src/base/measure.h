// What measurements share: clocks and the median.
#pragma once

#include <vector>

namespace qat {

// Seconds by a clock that goes on evenly, and seconds that the calling thread has had a core. Only differences count.
double wall_seconds();
double thread_seconds();

// Of an even number the upper one of the two in the middle. values: at least one.
double median(std::vector<double> values);

}  // namespace qat
