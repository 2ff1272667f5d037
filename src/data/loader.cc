// The loader's threads: they take small shares of the next batches in order, so that the first batch comes first.
#include "data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <numeric>
#include <system_error>
#include <thread>
#include <utility>

#include "base/random.h"
#include "data/batch_maker.h"

namespace qat::data {

namespace {

// Images per share: enough that taking one costs little even for 28 x 28 pixels, few enough to divide a batch of JPEGs.
constexpr int64_t kShare = 8;

constexpr uint64_t kShuffleStream = 0x73687566666c65;    // "shuffle"
constexpr uint64_t kAugmentStream = 0x6175676d656e7400;  // "augment"

// One batch in the making.
struct Pending {
  BatchMaker maker;
  int64_t taken = 0, done = 0;  // images
  Pending(int64_t position, std::span<const int64_t> indices) : maker(position, indices) {}
};

struct Share {
  std::shared_ptr<Pending> pending;
  int64_t epoch = 0, begin = 0, end = 0;
};

// Datasets name the image in their messages, transforms cannot.
std::string with_name(const std::string& message, const std::string& name) {
  return message.find(name) == std::string::npos ? cat("[", name, "] ", message) : message;
}

}  // namespace

uint64_t augment_seed(uint64_t seed) { return seed ^ kAugmentStream; }

struct Loader::Impl {
  std::shared_ptr<const Dataset> dataset;
  Transform transform;
  LoaderOptions options;

  // The consumer's.
  int64_t skipped = 0;
  std::vector<std::string> messages;

  std::mutex mutex;  // guards what follows
  std::condition_variable work, ready;
  int64_t epoch = 0;
  std::vector<int64_t> order;
  int64_t next_batch = 0;  // the first that is not in the queue yet
  std::deque<std::shared_ptr<Pending>> queue;
  bool stop = false;
  std::vector<std::thread> threads;

  ~Impl() {
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    work.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  int64_t batches() const {
    const int64_t n = dataset->size(), b = options.batch;
    return options.drop_last ? n / b : (n + b - 1) / b;
  }

  // Locked. This shard's images of a batch, as places in the order.
  std::pair<int64_t, int64_t> shard_of(int64_t position) const {
    const Shard& s = options.shard;
    const int64_t begin = position * options.batch;
    const int64_t n = std::min(options.batch, static_cast<int64_t>(order.size()) - begin);
    if (s.whole) return {begin, position % s.count == s.index ? begin + n : begin};
    return {begin + n * s.index / s.count, begin + n * (s.index + 1) / s.count};
  }

  // Locked. Queues batches up to `ahead`.
  void fill(int64_t ahead) {
    for (; next_batch < batches() && static_cast<int64_t>(queue.size()) < ahead; ++next_batch) {
      const auto [begin, end] = shard_of(next_batch);
      if (begin == end) continue;
      const std::span<const int64_t> all(order);
      queue.push_back(std::make_shared<Pending>(
          next_batch, all.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin))));
    }
  }

  // Locked. The first share that nobody has; its pending is nullptr when there is none.
  Share take() {
    for (const std::shared_ptr<Pending>& pending : queue) {
      if (pending->taken == pending->maker.size()) continue;
      const int64_t begin = pending->taken;
      pending->taken = std::min(begin + kShare, pending->maker.size());
      return {.pending = pending, .epoch = epoch, .begin = begin, .end = pending->taken};
    }
    return {};
  }

  void make_image(const Share& share, int64_t place) {
    const int64_t index = share.pending->maker.index(place);
    try {
      const Image image = dataset->get(index);
      Random random(augment_seed(options.seed), static_cast<uint64_t>(share.epoch), static_cast<uint64_t>(index));
      share.pending->maker.put(place, transform(image.pixels, random), image.label);
    } catch (const Error& error) {
      const std::string message = with_name(error.what(), dataset->name(index));
      if (!options.skip_broken || error.code() != Code::kBadFile) throw Error(error.code(), message);
      share.pending->maker.skip(place, message);
    }
  }

  // Not locked. Stops at the share's first error: the batch reports the first of all its shares.
  void make(const Share& share) {
    for (int64_t place = share.begin; place < share.end; ++place) {
      try {
        make_image(share, place);
      } catch (...) {
        return share.pending->maker.fail_at(place, std::current_exception());
      }
    }
  }

  void work_loop() {
    std::unique_lock lock(mutex);
    for (;;) {
      Share share;
      work.wait(lock, [&] { return stop || (share = take()).pending != nullptr; });
      if (stop) return;
      lock.unlock();
      make(share);
      lock.lock();
      share.pending->done += share.end - share.begin;
      if (share.pending->done == share.pending->maker.size()) ready.notify_one();
    }
  }

  // The batch at the front, complete; nullptr at the end of the epoch.
  std::shared_ptr<Pending> wait_for_front() {
    std::unique_lock lock(mutex);
    fill(options.workers > 0 ? std::max<int64_t>(options.prefetch, 1) : 1);
    if (queue.empty()) return nullptr;
    std::shared_ptr<Pending> front = queue.front();
    if (options.workers > 0) {
      work.notify_all();
      ready.wait(lock, [&] { return front->done == front->maker.size(); });
    } else if (front->done == 0) {
      const Share all{.pending = front, .epoch = epoch, .begin = 0, .end = front->maker.size()};
      lock.unlock();
      make(all);
      front->done = front->maker.size();
    }
    return front;
  }

  // Takes the front batch out and lets the workers begin another one.
  void drop_front() {
    {
      const std::lock_guard lock(mutex);
      queue.pop_front();
      if (options.workers > 0) fill(std::max<int64_t>(options.prefetch, 1));
    }
    work.notify_all();
  }
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, Transform transform, LoaderOptions options)
    : impl_(std::make_unique<Impl>()) {
  if (options.batch < 1) fail(Code::kUsage, "[loader] expected a batch of 1 image or more, got ", options.batch);
  if (options.workers < 0 || options.workers > 1024)
    fail(Code::kUsage, "[DATA.WORKERS] expected 0 to 1024, got ", options.workers);
  impl_->dataset = std::move(dataset);
  impl_->transform = std::move(transform);
  impl_->options = options;
  start(0);
  try {
    for (int64_t i = 0; i < options.workers; ++i)
      impl_->threads.emplace_back([impl = impl_.get()] { impl->work_loop(); });
  } catch (const std::system_error& error) {
    fail(Code::kFailure, "[DATA.WORKERS] cannot start ", options.workers, " threads: ", error.what(), "; lower it");
  }
}

Loader::~Loader() = default;

void Loader::start(int64_t epoch, int64_t first_batch) {
  Impl& impl = *impl_;
  const int64_t n = impl.dataset->size();
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (impl.options.shuffle) {
    Random random(impl.options.seed ^ kShuffleStream, static_cast<uint64_t>(epoch));
    order = permutation(n, random);
  }
  impl.skipped = 0;
  impl.messages.clear();
  const std::lock_guard lock(impl.mutex);
  impl.queue.clear();  // shares in the making keep their batch alive and finish it in vain
  impl.epoch = epoch;
  impl.order = std::move(order);
  impl.next_batch = first_batch;
}

std::optional<Batch> Loader::next() {
  while (const std::shared_ptr<Pending> front = impl_->wait_for_front()) {
    Batch batch = front->maker.finish();
    impl_->drop_front();
    for (const std::string& message : front->maker.skipped()) {
      ++impl_->skipped;
      if (impl_->messages.size() < kMaxMessages) impl_->messages.push_back(message);
    }
    batch.rest = impl_->options.rest, batch.draws = augment_seed(impl_->options.seed), batch.epoch = impl_->epoch;
    if (batch.size() > 0) return batch;
  }
  return std::nullopt;
}

int64_t Loader::batches() const { return impl_->batches(); }
int64_t Loader::skipped() const { return impl_->skipped; }
const std::vector<std::string>& Loader::skipped_messages() const { return impl_->messages; }

}  // namespace qat::data
