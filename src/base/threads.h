// A fixed team of threads and parallel loops over index ranges.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace qat {

// A persistent team; the calling thread is member 0, so ThreadPool(1) starts no thread. One parallel_for at a time.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // 0: as many as the process may run on (affinity and cgroup quota)
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  // Calls body(begin, end, member) on each member with its contiguous share of [0, n); shares differ by at most one.
  // The split depends on n and size() only. The first exception of any member is rethrown on the caller.
  void parallel_for(int64_t n, const std::function<void(int64_t begin, int64_t end, int member)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

int usable_cpus();  // cores that this process may use

}  // namespace qat
