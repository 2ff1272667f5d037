// A plan before its kernels are chosen: steps with the plain int8 weights that a chosen kernel will pack.
#pragma once

#include <string>
#include <vector>

#include "engine/compile/passes.h"
#include "engine/plan/plan.h"

namespace qat::engine {

// Another kernel for a step, one that prepares (cpu/kernel.h).
struct Alternative {
  size_t step = 0;
  std::string kernel;
  Isa isa = Isa::kPortable;
  double milliseconds = 0;  // by its trial
};

struct Draft {
  Plan plan;                    // blobs and owner are set by finish()
  std::vector<Tensor> weights;  // by step: i8 [K,C/G,R,S] or [K,C]; undefined elsewhere
  std::string blobs;
  std::vector<Alternative> alternatives;  // left to choose_in_runs

  // Appends bytes, aligned to kBlobAlign.
  Blob add_blob(const void* data, size_t size);
  Blob add_zeros(size_t size);
  Plan finish() &&;
};

// From a lowered graph whose dims are inferred (dynamic ones kDynamic). request: profile, input mode, precision. Throws
// Error(kBadFile) naming a node that the engine has no step for.
Draft make_draft(const ir::Graph& lowered, const BuildRequest& request, const PassContext& context);

}  // namespace qat::engine
