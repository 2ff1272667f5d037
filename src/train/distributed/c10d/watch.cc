// A thread a peer: see watch.h.
#include "train/distributed/c10d/watch.h"

namespace qat::train {

namespace {

constexpr int kTag = 1;
// Between noticing and ending: all ranks have noticed the same loss by then, and not that of a rank that ended for it.
constexpr std::chrono::milliseconds kPause{500};

at::Tensor words(int64_t first, int64_t second) {
  at::Tensor pair = at::empty({2}, at::TensorOptions().dtype(at::kLong));
  pair.mutable_data_ptr<int64_t>()[0] = first, pair.mutable_data_ptr<int64_t>()[1] = second;
  return pair;
}

}  // namespace

Watch::Watch(c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo, const Launch& launch, OnLost lost)
    : gloo_(std::move(gloo)), launch_(launch), on_lost_(std::move(lost)) {
  for (int peer = 0; peer < launch_.size; ++peer) {
    if (peer == launch_.rank) continue;
    const at::Tensor word = words(0, 0);
    std::vector<at::Tensor> tensors{word};
    threads_.emplace_back([this, peer, word, work = gloo_->recv(tensors, peer, kTag)] { watch(peer, work, word); });
  }
}

Watch::~Watch() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.detach();
  }
}

void Watch::watch(int peer, const c10::intrusive_ptr<c10d::Work>& work, const at::Tensor& word) {
  bool closed = false;
  try {
    work->wait();
  } catch (const std::exception&) {
    closed = true;
  }
  const int64_t* said = word.const_data_ptr<int64_t>();
  if (!closed && said[0] == static_cast<int64_t>(Word::kBye)) return;
  if (lost_.exchange(true)) return;
  std::this_thread::sleep_for(kPause);
  tell(peer, closed ? Code::kFailure : static_cast<Code>(said[1]), !closed);
}

void Watch::tell(int peer, Code code, bool told) const {
  // The lowest rank that is left says it.
  const bool mine = !told && (launch_.rank == 0 || (launch_.rank == 1 && peer == 0));
  const std::string text = cat("[rank ", peer, "] is lost: its process ended without a word; continue with --resume");
  if (on_lost_) on_lost_(Error(code, mine ? text : ""));
}

void Watch::say(Word word, Code code) {
  std::vector<c10::intrusive_ptr<c10d::Work>> sends;
  std::vector<at::Tensor> tensors{words(static_cast<int64_t>(word), static_cast<int64_t>(code))};
  for (int peer = 0; peer < launch_.size; ++peer) {
    if (peer != launch_.rank) sends.push_back(gloo_->send(tensors, peer, kTag));
  }
  for (const auto& send : sends) {
    try {
      send->wait(std::chrono::seconds(5));
    } catch (const std::exception&) {  // its receiver is gone: the watching thread knows
    }
  }
}

void Watch::wait_for_byes() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Watch::lost_one(std::chrono::milliseconds patience) const {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!lost_ && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return lost_;
}

}  // namespace qat::train
