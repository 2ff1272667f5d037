// Subsets of datasets by a list of indices: see subset.h.
#include "data/subset.h"

#include <algorithm>
#include <utility>

#include "base/random.h"

namespace qat::data {

namespace {

class Subset final : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<int64_t> indices)
      : whole_(std::move(whole)), indices_(std::move(indices)) {}

  int64_t size() const override { return static_cast<int64_t>(indices_.size()); }
  bool same_size() const override { return whole_->same_size(); }
  int64_t channels() const override { return whole_->channels(); }
  int64_t classes() const override { return whole_->classes(); }
  std::string class_name(int64_t label) const override { return whole_->class_name(label); }
  std::vector<int64_t> empty_classes() const override { return whole_->empty_classes(); }
  std::string name(int64_t index) const override { return whole_->name(indices_.at(static_cast<size_t>(index))); }
  Image get(int64_t index) const override { return whole_->get(indices_.at(static_cast<size_t>(index))); }

 private:
  std::shared_ptr<const Dataset> whole_;
  std::vector<int64_t> indices_;
};

}  // namespace

std::unique_ptr<Dataset> subset(std::shared_ptr<const Dataset> whole, std::vector<int64_t> indices) {
  return std::make_unique<Subset>(std::move(whole), std::move(indices));
}

HeldOut hold_out(int64_t n, int64_t held_out) {
  Random random(0x76616c6964617465);  // "validate"
  const std::vector<int64_t> order = permutation(n, random);
  HeldOut parts{.train = {order.begin() + held_out, order.end()},
                .validation = {order.begin(), order.begin() + held_out}};
  std::sort(parts.train.begin(), parts.train.end());
  std::sort(parts.validation.begin(), parts.validation.end());
  return parts;
}

std::vector<int64_t> spread(const std::vector<int64_t>& indices, int64_t limit) {
  const auto n = static_cast<int64_t>(indices.size());
  if (limit <= 0 || limit >= n) return indices;
  std::vector<int64_t> kept;
  for (int64_t i = 0; i < limit; ++i) kept.push_back(indices[static_cast<size_t>(i * n / limit)]);
  return kept;
}

}  // namespace qat::data
