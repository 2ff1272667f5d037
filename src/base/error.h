// The one error type of the code base: what went wrong, where, what to do, and the exit code it maps to.
#pragma once

#include <stdexcept>
#include <string>

#include "base/text.h"

namespace qat {

// Exit codes of the command line; the C API returns the same numbers.
enum class Code : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kBadFile = 3,
  kThreshold = 4,
  kWrongMachine = 5,
  kOutOfMemory = 6,
  kIo = 7,
  kNan = 8,
};

// Thrown for everything a user or a file can cause. Bugs assert (QAT_ASSERT), they are not Errors.
// The message is one line: the place first, then what was expected and got, then the remedy, e.g.
// "[conv layer1.0.conv1] expected 64 input channels, got 32".
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

// Throws Error(code, cat(parts...)).
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts) {
  throw Error(code, cat(parts...));
}

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace qat

// An invariant of our own code; stays on in release builds. Throws std::logic_error: the library never aborts.
#define QAT_ASSERT(condition)                                                  \
  do {                                                                         \
    if (!(condition)) ::qat::assertion_failed(#condition, __FILE__, __LINE__); \
  } while (0)
