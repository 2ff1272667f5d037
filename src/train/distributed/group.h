// The ranks of a run: what they tell each other besides gradients. Free of LibTorch's headers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "train/distributed/launch.h"

namespace qat::train {

// Told from another thread when a rank is gone, killed or failed, while this one may wait for it, in a collective that
// never ends: it ends the process with the error's code. The message is empty where another rank says it.
using OnLost = std::function<void(const Error&)>;

// Every rank calls the same functions in the same order: they are collectives on the host, over c10d's Gloo. Their
// results are equal on all ranks to the bit. They throw Error(kFailure).
class Group {
 public:
  // Meets the other ranks, and watches them from then on. Throws Error(kFailure) when they do not come.
  static std::unique_ptr<Group> join(const Launch& launch, OnLost lost);
  // Without leave() it is a failure: see fail.
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  const Launch& launch() const;
  int rank() const { return launch().rank; }
  int size() const { return launch().size; }

  void sum(std::span<double> values);
  void sum(std::span<float> values);
  void sum(std::span<int64_t> values);
  void largest(std::span<float> values);
  void largest(std::span<int64_t> values);
  // `bytes` of rank `root` on all.
  void broadcast(std::vector<uint8_t>& bytes, int root);

  // All ranks end together: nobody is lost afterwards.
  void leave();
  // This rank ends alone, with a line of its own; the others end with its code. Does not return while a rank that is
  // lost is the reason.
  void fail(Code code);

  // For code that sees LibTorch: c10d/group_impl.h.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  explicit Group(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace qat::train
