// Generations start bodies, phases are barriers; both are counters that waiters watch: see team.h.
#include "engine/runtime/team.h"

#include <immintrin.h>

#include "base/threads.h"

namespace qat::engine {

namespace {

// Pauses; one takes 15 ns (AMD) to 55 ns (Intel since Skylake).
constexpr int kSpinning = 100'000, kBriefly = 2'000;
constexpr int kCrowded = 50;  // where members are more than cores, a spinning one keeps another from its work

// A counter that all increment passes from core to core: 0.2 us for 2, 1.4 us for 16, where the other way takes 0.3 and
// 0.6 (Emerald Rapids).
constexpr int kFew = 4;

}  // namespace

Team::Team(int members)
    : crowded_(members > usable_cpus()), arrivals_(std::make_unique<Arrival[]>(static_cast<size_t>(members))) {
  for (int member = 1; member < members; ++member) {
    threads_.emplace_back([this, member] { work(member); });
  }
}

Team::~Team() {
  stop_ = true;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Team::wait_change(const std::atomic<uint32_t>& word, uint32_t old, Wait wait) const {
  const int spins = crowded_ ? kCrowded : wait == Wait::kSpinning ? kSpinning : kBriefly;
  for (int i = 0; i < spins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  word.wait(old, std::memory_order_acquire);
}

// Members say that they have arrived, each in a cache line of its own, and the caller says that all have.
void Team::barrier(int member, Wait wait) {
  if (threads_.empty()) return;
  if (size() <= kFew) return barrier_of_few(wait);
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (member == 0) {
    for (int i = 1; i < size(); ++i) wait_change(arrivals_[static_cast<size_t>(i)].phase, phase, wait);
    phase_.store(phase + 1);
    phase_.notify_all();
  } else {
    std::atomic<uint32_t>& own = arrivals_[static_cast<size_t>(member)].phase;
    own.store(phase + 1);
    own.notify_one();
    wait_change(phase_, phase, wait);
  }
}

void Team::barrier_of_few(Wait wait) {
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_.size()) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1);  // sequentially consistent, as below: notify_all() looks for sleepers after it
    phase_.notify_all();
    return;
  }
  wait_change(phase_, phase, wait);
}

void Team::run(void (*body)(void*, int), void* context) {
  if (threads_.empty()) return body(context, 0);
  body_ = body;
  context_ = context;
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  body(context, 0);
  barrier(0, Wait::kSpinning);
}

void Team::work(int member) {
  for (uint32_t seen = 0;; ++seen) {
    wait_change(generation_, seen, Wait::kBriefly);
    if (stop_) return;
    body_(context_, member);
    barrier(member, Wait::kSpinning);
  }
}

}  // namespace qat::engine
