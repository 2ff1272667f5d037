// What ranks decide together. A group of nullptr is one process: everything is as it says itself.
#pragma once

#include <functional>
#include <string>

#include "data/loader.h"
#include "train/distributed/group.h"

namespace qat::train {

// What of a split a rank reads: its part of each batch, or whole batches in turns.
enum class Batches { kInParts, kInTurns };
data::Shard shard_of(const Group* group, Batches batches);

inline int ranks(const Group* group) { return group == nullptr ? 1 : group->size(); }

// Thrown on all ranks at once.
class AgreedError : public Error {
 public:
  using Error::Error;
};

// Runs `body` on every rank; it uses no collective. When it throws an Error on one of them, all throw that of the
// lowest such rank: on rank 0 with its message, "[rank 1] ..." where it was another's, on the others with none: an
// error is told once.
void agreed(Group* group, const std::function<void()>& body);

// True on all ranks where it is true on one.
bool any(Group* group, bool mine);

// The first non-empty text in the order of ranks.
std::string first_text(Group* group, const std::string& mine);

// Throws Error(kFailure) on all ranks when they do not have the same: `what` differs.
void expect_same(Group* group, uint64_t hash, const std::string& what);

}  // namespace qat::train
