// Small collectives, made of sums and broadcasts: see agree.h.
#include "train/distributed/agree.h"

#include <array>
#include <optional>

namespace qat::train {

namespace {

// The lowest rank where `mine`; -1: none.
int first_rank(Group& group, bool mine) {
  std::array<int64_t, 1> word{mine ? group.size() - group.rank() : 0};
  group.largest(std::span<int64_t>(word));
  return word[0] == 0 ? -1 : group.size() - static_cast<int>(word[0]);
}

std::string text_of(Group& group, const std::string& mine, int root) {
  std::vector<uint8_t> bytes(mine.begin(), mine.end());
  group.broadcast(bytes, root);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

data::Shard shard_of(const Group* group, Batches batches) {
  if (group == nullptr) return {};
  return {.index = group->rank(), .count = group->size(), .whole = batches == Batches::kInTurns};
}

void agreed(Group* group, const std::function<void()>& body) {
  if (group == nullptr) return body();
  std::optional<Error> mine;
  try {
    body();
  } catch (const Error& error) {
    mine = error;
  } catch (const std::bad_alloc&) {
    mine = Error(Code::kOutOfMemory, "out of memory; lower TRAIN.BATCH, TEST.BATCH, QUANT.BATCH or DATA.WORKERS");
  }
  const int root = first_rank(*group, mine.has_value());
  if (root < 0) return;
  std::array<int64_t, 1> code{mine && group->rank() == root ? static_cast<int64_t>(mine->code()) : 0};
  group->largest(std::span<int64_t>(code));
  std::string text = text_of(*group, mine ? mine->what() : "", root);
  if (root != 0) text = cat("[rank ", root, "] ", text);
  throw AgreedError(static_cast<Code>(code[0]), group->rank() == 0 ? text : "");
}

bool any(Group* group, bool mine) { return group == nullptr ? mine : first_rank(*group, mine) >= 0; }

std::string first_text(Group* group, const std::string& mine) {
  if (group == nullptr) return mine;
  const int root = first_rank(*group, !mine.empty());
  return root < 0 ? "" : text_of(*group, mine, root);
}

void expect_same(Group* group, uint64_t hash, const std::string& what) {
  if (group == nullptr) return;
  std::vector<uint8_t> bytes(sizeof hash);
  const auto* begin = reinterpret_cast<const uint8_t*>(&hash);
  std::copy(begin, begin + sizeof hash, bytes.begin());
  group->broadcast(bytes, 0);
  const bool same = std::equal(bytes.begin(), bytes.end(), begin);
  agreed(group, [&] {
    if (!same) fail(Code::kFailure, what, " differs from rank 0's");
  });
}

}  // namespace qat::train
