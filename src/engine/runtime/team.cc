// Generations start bodies, phases are barriers; both are counters that waiters watch: see team.h.
#include "engine/runtime/team.h"

#include <immintrin.h>

namespace qat::engine {

namespace {

// Pauses; one takes 15 ns (AMD) to 55 ns (Intel since Skylake).
constexpr int kSpinning = 100'000, kBriefly = 2'000;

}  // namespace

Team::Team(int members) {
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

void Team::wait_change(const std::atomic<uint32_t>& word, uint32_t old, Wait wait) {
  const int spins = wait == Wait::kSpinning ? kSpinning : kBriefly;
  for (int i = 0; i < spins; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    _mm_pause();
  }
  word.wait(old, std::memory_order_acquire);
}

void Team::barrier(Wait wait) {
  if (threads_.empty()) return;
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_.size()) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
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
  barrier(Wait::kSpinning);
}

void Team::work(int member) {
  for (uint32_t seen = 0;; ++seen) {
    wait_change(generation_, seen, Wait::kBriefly);
    if (stop_) return;
    body_(context_, member);
    barrier(Wait::kSpinning);
  }
}

}  // namespace qat::engine
