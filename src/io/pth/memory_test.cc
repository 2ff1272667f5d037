// Pickles that would take much memory: never more than twice the file's size plus 64 MiB.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/hostile.h"
#include "io/pth/pickle_testing.h"

namespace qat::io {
namespace {

using qat::testing::accepts_pth;

// Doubling through the memo (a billion laughs), and each opcode that makes much out of one byte.
std::vector<std::string> bombs(size_t size) {
  std::string laughs = "]q\x01";
  for (int i = 0; i < 60; ++i)
    laughs +=
        "](h\x01h\x01h\x01h\x01"
        "eq\x01";
  std::string tensors = "]" + TensorPickle{}.code() + "q\x01(";
  while (tensors.size() < size) tensors += "h\x01";
  std::vector<std::string> pickles{laughs + ".", tensors + "e."};
  for (const char* unit : {"]", ")", "}", "N", "K\x01", "(", "]a", "]\x94", "2", "\x8c", "h\x01", "q\x01"}) {
    std::string pickle = "]q\x01";
    const std::string piece = std::string(unit) == "\x8c" ? std::string("\x8c\x01x", 3) : unit;
    if (piece != "(") pickle += "(";
    while (pickle.size() < size) pickle += piece;
    pickles.push_back(pickle + "e.");
    pickles.push_back(pickle);
  }
  std::string dict = "}(";
  for (size_t i = 0; dict.size() < size; ++i)
    dict += cat('\x8a', '\x04', std::string(reinterpret_cast<char*>(&i), 4), 'N');
  pickles.push_back(dict + "u.");
  return pickles;
}

// Peak memory of a child that parses the bytes, or that does nothing with them.
long peak_kib(const std::string& bytes, bool parse) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (parse) accepts_pth(bytes);
    ::_exit(0);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  EXPECT_TRUE(WIFEXITED(status));
  return usage.ru_maxrss;
}

TEST(HostilePickle, MemoryStaysUnderTwiceTheFilePlus64MiB) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  long worst = 0;
  for (const size_t size : {size_t{1} << 14, size_t{4} << 20}) {
    const std::vector<std::string> pickles = bombs(size);
    const long idle = peak_kib(pickles[0], false);
    for (const std::string& pickle : pickles) {
      const std::string bytes = archive(pickle);
      const long used = peak_kib(bytes, true) - idle;
      const auto limit = static_cast<long>((2 * bytes.size() + (size_t{64} << 20)) / 1024);
      EXPECT_LT(used, limit) << bytes.size() << " bytes: " << pickle.substr(0, 10);
      worst = std::max(worst, used - 2 * static_cast<long>(bytes.size() / 1024));
    }
  }
  std::printf("           worst: twice the file plus %.1f MiB\n", static_cast<double>(worst) / 1024);
}

}  // namespace
}  // namespace qat::io
