// Watches the other ranks: a connection to each that says nothing until that rank ends.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

#include "train/distributed/c10d/torch.h"
#include "train/distributed/group.h"

namespace qat::train {

// Gloo's connections close when a process dies, however it dies: the receive that waits there then fails at once. No
// clock is involved, so a rank that is stopped or slow is not lost.
class Watch {
 public:
  // gloo: of nobody else.
  Watch(c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo, const Launch& launch, OnLost lost);
  // After say() of all ranks, or never: threads that wait are left behind.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  enum class Word : int64_t { kBye, kFailed };
  // Tells all ranks how this one ends.
  void say(Word word, Code code);
  // Until all ranks have said bye.
  void wait_for_byes();

  // True when a rank is gone, within `patience`.
  bool lost_one(std::chrono::milliseconds patience) const;
  bool ends_the_process() const { return static_cast<bool>(on_lost_); }

 private:
  void watch(int peer, const c10::intrusive_ptr<c10d::Work>& work, const at::Tensor& word);
  void tell(int peer, Code code, bool told) const;

  const c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo_;
  const Launch launch_;
  const OnLost on_lost_;
  std::atomic<bool> lost_{false};
  std::vector<std::thread> threads_;
};

}  // namespace qat::train
