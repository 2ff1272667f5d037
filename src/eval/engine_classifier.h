// Engines behind the Classifier interface.
#pragma once

#include <filesystem>
#include <memory>

#include "engine/plan/plan.h"
#include "eval/classifier.h"

namespace qat::eval {

struct EngineOptions {
  int threads = 0;                 // 0: all that the process may use
  bool allow_placeholder = false;  // engines with placeholder scales are for latency only
};

// Loads an engine file. Throws what engine::load_plan throws, and Error(kUsage) for placeholder scales. metadata() is
// the plan's with "precision" (fp32 | bf16 | int8 | best) and, where so, "placeholder" = "1". logits() splits what
// exceeds the profile's batch; an extent out of the profile is Error(kUsage).
std::unique_ptr<Classifier> open_engine(const std::filesystem::path& path, const EngineOptions& options);
std::unique_ptr<Classifier> open_engine(const std::filesystem::path& path, int threads);

// The same for a plan in memory.
std::unique_ptr<Classifier> open_engine(engine::Plan plan, const EngineOptions& options);

}  // namespace qat::eval
