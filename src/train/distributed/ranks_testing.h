// For tests: a test that runs in two processes, ranks of one group.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "train/distributed/group.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): only with _GNU_SOURCE

namespace qat::train {

// A port of this host that nobody listens at.
inline int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

// This program again, with one test, as a rank of two.
inline pid_t start_rank(const std::string& test, int rank, int port) {
  const std::string filter = "--gtest_filter=" + test;
  std::array<char*, 3> argv{const_cast<char*>("/proc/self/exe"), const_cast<char*>(filter.c_str()), nullptr};
  std::vector<std::string> added{"RANK=" + std::to_string(rank), "WORLD_SIZE=2", "MASTER_PORT=" + std::to_string(port),
                                 "OMP_NUM_THREADS=1"};
  std::vector<char*> variables;
  variables.reserve(added.size());
  for (std::string& variable : added) variables.push_back(variable.data());
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  variables.push_back(nullptr);
  pid_t pid = -1;
  EXPECT_EQ(posix_spawn(&pid, "/proc/self/exe", nullptr, nullptr, argv.data(), variables.data()), 0);
  return pid;
}

// In the test's own process: runs it in two, and returns nullptr when both are done. In each of those: its group, which
// the test leaves.
inline std::unique_ptr<Group> two_ranks() {
  if (const std::optional<Launch> launch = find_launch()) {
    return Group::join(*launch, [](const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    });
  }
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string test = std::string(info->test_suite_name()) + "." + info->name();
  const int port = free_port();
  const std::array<pid_t, 2> ranks{start_rank(test, 0, port), start_rank(test, 1, port)};
  for (const pid_t pid : ranks) {
    int status = -1;
    waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "a rank failed, see above";
  }
  return nullptr;
}

}  // namespace qat::train
