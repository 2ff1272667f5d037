// The team sleeps on a condition variable between loops: see threads.h.
#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace qat {

namespace {

// cgroup v2: "max 100000" or "200000 100000" (quota and period in microseconds).
int quota_cpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 1 << 20;
  return std::max(1, static_cast<int>(std::lround(std::stod(quota) / period)));
}

}  // namespace

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int affine = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  return std::max(1, std::min(affine, quota_cpus()));
}

struct ThreadPool::Impl {
  std::mutex mutex;
  std::condition_variable wake, done;
  std::vector<std::thread> threads;
  const std::function<void(int64_t, int64_t, int)>* body = nullptr;
  int64_t n = 0;
  uint64_t generation = 0;
  int running = 0;
  bool stop = false;
  std::exception_ptr error;

  void share(int member) {
    const auto members = static_cast<int64_t>(threads.size()) + 1;
    const int64_t base = n / members, extra = n % members;
    const int64_t begin = base * member + std::min<int64_t>(member, extra);
    const int64_t end = begin + base + (member < extra ? 1 : 0);
    if (begin == end) return;
    try {
      (*body)(begin, end, member);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
  }

  void work(int member) {
    uint64_t seen = 0;
    for (;;) {
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stop || generation != seen; });
        if (stop) return;
        seen = generation;
      }
      share(member);
      const std::lock_guard lock(mutex);
      if (--running == 0) done.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  const int members = threads > 0 ? threads : usable_cpus();
  for (int member = 1; member < members; ++member) {
    impl_->threads.emplace_back([this, member] { impl_->work(member); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

int ThreadPool::size() const { return static_cast<int>(impl_->threads.size()) + 1; }

void ThreadPool::parallel_for(int64_t n, const std::function<void(int64_t, int64_t, int)>& body) {
  if (n <= 0) return;
  if (impl_->threads.empty()) return body(0, n, 0);
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->body = &body;
    impl_->n = n;
    impl_->running = static_cast<int>(impl_->threads.size());
    impl_->error = nullptr;
    ++impl_->generation;
  }
  impl_->wake.notify_all();
  impl_->share(0);
  std::unique_lock lock(impl_->mutex);
  impl_->done.wait(lock, [&] { return impl_->running == 0; });
  if (impl_->error) std::rethrow_exception(impl_->error);
}

}  // namespace qat
