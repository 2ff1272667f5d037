// Mappings and atomic files: content, refusals, links, many writers, and a writer killed at any moment.
#include "base/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "base/error.h"
#include "base/random.h"

namespace qat {
namespace {

namespace fs = std::filesystem;

// In memory where there is such a folder: these tests sync thousands of files.
class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::is_directory("/dev/shm") ? "/dev/shm/qat-XXXXXX" : "/tmp/qat-XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  static void expect_io(const std::function<void()>& action, const std::string& part) {
    try {
      action();
      ADD_FAILURE() << "accepted: " << part;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kIo);
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }

  fs::path folder_;
};

TEST_F(Files, RoundTripOfEverySize) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{1} << 20, (size_t{1} << 20) + 1, size_t{5'000'001}}) {
    std::string content(size, 'x');
    for (size_t i = 0; i < size; i += 997) content[i] = static_cast<char>(i);
    write_file(folder_ / "a", content);
    EXPECT_EQ(read_file(folder_ / "a"), content);
    const auto mapped = MappedFile::open(folder_ / "a");
    ASSERT_EQ(mapped->bytes().size(), size);
    EXPECT_TRUE(size == 0 || std::memcmp(mapped->bytes().data(), content.data(), size) == 0);
    EXPECT_EQ(files(), 1u);
  }
}

TEST_F(Files, PiecesOfEverySizeKeepTheirOrder) {
  Random random(5);
  std::string expected;
  AtomicFile file(folder_ / "a");
  for (int i = 0; i < 60; ++i) {
    const std::string piece(static_cast<size_t>(random.below(i % 5 == 0 ? 2'500'000 : 3000)),
                            static_cast<char>('a' + i % 26));
    file.write(piece);
    expected += piece;
    EXPECT_EQ(file.position(), expected.size());
  }
  file.commit();
  EXPECT_TRUE(read_file(folder_ / "a") == expected);
}

TEST_F(Files, CopyOnWriteLeavesTheFile) {
  write_file(folder_ / "a", "content");
  const auto mapped = MappedFile::open(folder_ / "a", MappedFile::Access::kCopyOnWrite);
  const_cast<std::byte&>(mapped->bytes()[0]) = std::byte{'C'};
  EXPECT_EQ(mapped->bytes()[0], std::byte{'C'});
  EXPECT_EQ(read_file(folder_ / "a"), "content");
}

TEST_F(Files, AMappingOutlivesAReplacedFile) {
  write_file(folder_ / "a", "old");
  const auto mapped = MappedFile::open(folder_ / "a");
  write_file(folder_ / "a", "new, and longer");
  EXPECT_EQ(0, std::memcmp(mapped->bytes().data(), "old", 3));
}

TEST_F(Files, WithoutCommitNothingChanges) {
  write_file(folder_ / "a", "old");
  {
    AtomicFile file(folder_ / "a");
    file.write(std::string(3'000'000, 'n'));
  }
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(files(), 1u);
}

TEST_F(Files, WhatCannotBeReadIsNamed) {
  const fs::path fifo = folder_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  expect_io([&] { MappedFile::open(folder_ / "absent"); }, "absent");
  expect_io([&] { MappedFile::open(folder_); }, "is a folder");
  expect_io([&] { MappedFile::open(fifo); }, "regular");
  expect_io([&] { read_file(folder_ / "absent"); }, "check the path");
  expect_io([&] { read_file(fifo); }, "regular");
}

TEST_F(Files, WhatCannotBeWrittenIsNamed) {
  expect_io([&] { write_file(folder_ / "absent/a", "x"); }, "check the path");
  expect_io([&] { write_file(folder_, "x"); }, "is a folder");
  const fs::path pipe = folder_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_io([&] { write_file(pipe, "x"); }, "not a regular file");
  EXPECT_TRUE(fs::remove(pipe));
  expect_io([&] { write_file("/proc/qat", "x"); }, "/proc/qat");
  EXPECT_EQ(files(), 0u);
}

TEST_F(Files, WhatCannotBeWrittenIsKnownBefore) {
  write_file(folder_ / "a", "old");
  EXPECT_NO_THROW(check_writable(folder_ / "a"));
  EXPECT_NO_THROW(check_writable(folder_ / "new"));
  expect_io([&] { check_writable(folder_ / "absent/a"); }, "check the path");
  expect_io([&] { check_writable(folder_); }, "is a folder");
  expect_io([&] { check_writable("/proc/qat"); }, "/proc/qat");
  EXPECT_EQ(read_file(folder_ / "a"), "old");
  EXPECT_EQ(files(), 1u) << "the question left something";
}

TEST_F(Files, AReadOnlyFolderIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
  expect_io([&] { write_file(folder_ / "a", "x"); }, "can be written");
  fs::permissions(folder_, fs::perms::owner_all);
}

TEST_F(Files, ALinkStaysALink) {
  write_file(folder_ / "target", "old");
  fs::create_symlink("target", folder_ / "link");
  write_file(folder_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(read_file(folder_ / "target"), "new");
}

// Every content that writers leave: one letter, repeated as often as the first bytes say.
std::string content_of(char letter, size_t size) { return std::to_string(size) + ":" + std::string(size, letter); }

bool is_whole(const std::string& content) {
  const size_t colon = content.find(':');
  if (colon == std::string::npos || colon + 1 == content.size()) return false;
  return content == content_of(content[colon + 1], std::stoul(content));
}

TEST_F(Files, SixteenProcessesWriteOnePath) {
  static constexpr int kProcesses = 16, kTimes = 100;
  const fs::path path = folder_ / "a";
  write_file(path, content_of('x', 10));
  for (int p = 0; p < kProcesses; ++p) {
    if (::fork() == 0) {
      for (int i = 0; i < kTimes; ++i)
        write_file(path, content_of(static_cast<char>('a' + p), 1000u * p + 10u * i + 1));
      ::_exit(0);
    }
  }
  int left = kProcesses, reads = 0;
  while (left > 0) {
    EXPECT_TRUE(is_whole(read_file(path)));
    ++reads;
    int status = 0;
    while (left > 0 && ::waitpid(-1, &status, WNOHANG) > 0) {
      EXPECT_EQ(status, 0);
      --left;
    }
  }
  EXPECT_GT(reads, 1);
  EXPECT_EQ(files(), 1u);
}

TEST_F(Files, AKilledWriterLeavesAWholeFile) {
  const fs::path path = folder_ / "a";
  write_file(path, content_of('x', 10));
  Random random(9);
  for (int round = 0; round < 50; ++round) {
    const pid_t child = ::fork();
    if (child == 0) {
      for (size_t i = 0;; ++i) write_file(path, content_of('y', 100'000 * (i % 25) + 1));
    }
    ::usleep(static_cast<useconds_t>(random.below(8000)));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_TRUE(is_whole(read_file(path))) << round;
  }
}

}  // namespace
}  // namespace qat
