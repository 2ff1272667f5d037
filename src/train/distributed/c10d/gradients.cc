// How the Reducer is set up: see gradients.h.
#include "train/distributed/c10d/gradients.h"

#include <algorithm>

namespace qat::train {

namespace {

class Sum final : public c10d::CppCommHookInterface<c10::intrusive_ptr<c10d::ProcessGroup>> {
 public:
  using CppCommHookInterface::CppCommHookInterface;
  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket& bucket) override {
    std::vector<at::Tensor> tensors{bucket.getBufferRef()};
    return state_->allreduce(tensors)->getFuture();
  }
};

// The Reducer warns of what is meant so here: leaves may be unused, and oneDNN chooses the layout of gradients.
class Silence final : public c10::WarningHandler {
  void process(const c10::Warning&) override {}
};

}  // namespace

Gradients::Gradients(Group& group, const std::vector<std::pair<std::string, at::Tensor>>& leaves) {
  std::vector<at::Tensor> tensors;
  std::unordered_map<size_t, std::string> names;
  for (const auto& [name, leaf] : leaves) names[tensors.size()] = name, tensors.push_back(leaf);
  // Small first bucket, so that the first all-reduce starts early; buckets are assigned from the last leaf on.
  const std::vector<size_t> limits{static_cast<size_t>(c10d::kDefaultFirstBucketBytes),
                                   static_cast<size_t>(c10d::kDefaultBucketBytesCap)};
  std::vector<at::Tensor> backwards(tensors.rbegin(), tensors.rend());
  std::vector<int64_t> indices;
  for (size_t i = tensors.size(); i-- > 0;) indices.push_back(static_cast<int64_t>(i));
  auto [buckets, caps] = c10d::compute_bucket_assignment_by_size(backwards, limits, {}, indices);
  std::vector<int64_t> bucket_caps(caps.begin(), caps.end());
  reducer_ = std::make_unique<c10d::Reducer>(
      tensors, std::move(buckets), group.impl().ranks, std::vector<bool>(tensors.size(), false),
      int64_t{c10d::kDefaultBucketBytesCap}, /*find_unused_parameters=*/true, /*gradient_as_bucket_view=*/false, names,
      int64_t{c10d::kDefaultFirstBucketBytes}, /*skip_all_reduce_unused_params=*/false, /*use_python_reducer=*/false,
      std::move(bucket_caps));
  reducer_->register_comm_hook(std::make_unique<Sum>(group.impl().ranks));
}

void Gradients::backward(const at::Tensor& loss) {
  Silence silence;
  const c10::WarningUtils::WarningHandlerGuard quiet(&silence);
  reducer_->prepare_for_backward({loss});
  torch::autograd::backward({loss}, {});
}

}  // namespace qat::train
