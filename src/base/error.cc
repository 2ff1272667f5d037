// Assertions become std::logic_error: see error.h.
#include "base/error.h"

namespace qat {

void assertion_failed(const char* condition, const char* file, int line) {
  throw std::logic_error(
      cat("internal error: ", condition, " does not hold at ", file, ":", line, "; please report it"));
}

}  // namespace qat
