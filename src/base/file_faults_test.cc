// Every system call of an atomic write fails in turn (SQLite's method): the old file stays, nothing is left beside it.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/file.h"

namespace {

enum class Fault { kNone, kNoSpace, kInputOutput, kInterrupted, kShortWrite };

// The fail_at-th call of those below fails. A short write takes half of the bytes, then the disk is full.
struct Injection {
  Fault fault = Fault::kNone;
  int fail_at = 0;
  int calls = 0;
  bool hit = false;
};
Injection injection;

bool due() {
  if (injection.fault == Fault::kNone || ++injection.calls != injection.fail_at) return false;
  injection.hit = true;
  return true;
}

int failed() {
  errno = injection.fault == Fault::kInputOutput ? EIO : (injection.fault == Fault::kInterrupted ? EINTR : ENOSPC);
  return -1;
}

}  // namespace

// These stand in for the C library's, for this program and the libraries it loads.
extern "C" ssize_t write(int fd, const void* data, size_t size) {
  const bool full = injection.fault == Fault::kShortWrite && injection.hit;
  if (full) return failed();
  if (!due()) return syscall(SYS_write, fd, data, size);
  return injection.fault == Fault::kShortWrite ? syscall(SYS_write, fd, data, size / 2) : failed();
}

extern "C" int fsync(int fd) {
  const bool counts = injection.fault != Fault::kShortWrite;
  return counts && due() ? failed() : static_cast<int>(syscall(SYS_fsync, fd));
}

extern "C" int rename(const char* from, const char* into) noexcept {
  const bool counts = injection.fault != Fault::kShortWrite;
  return counts && due() ? failed() : static_cast<int>(syscall(SYS_rename, from, into));
}

namespace qat {
namespace {

namespace fs = std::filesystem;

// Small pieces, which are buffered, and blocks, which are not.
void save(const fs::path& path) {
  AtomicFile file(path);
  for (int i = 0; i < 4; ++i) {
    file.write("header");
    file.write(std::string(2'000'000, 'w'));
    file.write(std::string(700'000, 'b'));
  }
  file.commit();
}

struct Outcome {
  int calls = 0;     // that were made to fail, one run each
  int survived = 0;  // runs that ended well all the same
};

Outcome fail_each_call(Fault fault) {
  std::string name = "/tmp/qat-XXXXXX";
  const fs::path folder = ::mkdtemp(name.data()), path = folder / "a";
  Outcome outcome;
  for (int n = 1;; ++n) {
    write_file(path, "old");
    injection = {.fault = fault, .fail_at = n};
    bool threw = false;
    try {
      save(path);
    } catch (const Error& error) {
      threw = true;
      EXPECT_EQ(error.code(), Code::kIo);
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    }
    const bool hit = injection.hit;
    injection = {};
    EXPECT_EQ(fs::file_size(path), threw ? 3u : 4u * 2'700'006) << "call " << n;
    EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1) << "call " << n;
    if (!hit) break;
    ++outcome.calls;
    outcome.survived += threw ? 0 : 1;
  }
  fs::remove_all(folder);
  return outcome;
}

// Survived: the folder's sync, which follows the rename and which some file systems refuse.
TEST(FileFaults, FullAndBrokenDisk) {
  for (const Fault fault : {Fault::kNoSpace, Fault::kInputOutput}) {
    const Outcome outcome = fail_each_call(fault);
    EXPECT_GE(outcome.calls, 4 + 3 + 3);  // blocks, buffers between them, file sync, rename, folder sync
    EXPECT_EQ(outcome.survived, 1);
  }
}

TEST(FileFaults, ShortWrites) {
  const Outcome outcome = fail_each_call(Fault::kShortWrite);
  EXPECT_GE(outcome.calls, 4 + 3);
  EXPECT_EQ(outcome.survived, 0);
}

// An interrupted write is repeated; only the file's sync and the rename may fail of it.
TEST(FileFaults, Interruptions) {
  const Outcome outcome = fail_each_call(Fault::kInterrupted);
  EXPECT_EQ(outcome.survived, outcome.calls - 2);
}

}  // namespace
}  // namespace qat
