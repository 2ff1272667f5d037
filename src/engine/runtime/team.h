// The threads of a session: a persistent team that walks through a network together, with a barrier after each step.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace qat::engine {

// The calling thread is member 0. Waiting spins and then sleeps.
class Team {
 public:
  explicit Team(int members);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  // Calls body(context, member) on every member and returns when all are through. The body must not throw.
  void run(void (*body)(void* context, int member), void* context);

  // kSpinning: the others are on their way, and a futex costs more than most steps: sleeps after some milliseconds,
  // when a member has lost its core. kBriefly, some 0.1 ms: what one waits for may need the cores, or be far off.
  enum class Wait { kSpinning, kBriefly };

  // Every member calls it the same number of times within a body; none goes on before all have arrived.
  void barrier(int member, Wait wait);

 private:
  struct alignas(64) Arrival {
    std::atomic<uint32_t> phase{0};  // the last one that the member has ended
  };

  void work(int member);
  void barrier_of_few(Wait wait);
  void wait_change(const std::atomic<uint32_t>& word, uint32_t old, Wait wait) const;

  std::vector<std::thread> threads_;
  const bool crowded_;                               // more members than cores
  std::unique_ptr<Arrival[]> arrivals_;              // of many, by member
  alignas(64) std::atomic<uint32_t> generation_{0};  // of bodies
  alignas(64) std::atomic<uint32_t> arrived_{0};     // of few
  alignas(64) std::atomic<uint32_t> phase_{0};       // of barriers
  void (*body_)(void*, int) = nullptr;
  void* context_ = nullptr;
  bool stop_ = false;
};

}  // namespace qat::engine
