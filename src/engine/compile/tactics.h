// Choice of kernels by measurement on this machine, with a cache of what was measured.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/compile/draft.h"

namespace qat::engine {

// Microseconds by "machine | problem | kernel". A text file, one entry a line; unknown or damaged lines are ignored,
// and so is the whole file when it is another version's. One that is no timing cache at all is never written over.
class TimingCache {
 public:
  explicit TimingCache(std::filesystem::path path);  // "": in memory
  std::optional<double> find(const std::string& key) const;
  void add(const std::string& key, double microseconds);  // rounded as the file keeps it: found now and later alike
  // Why it could not be kept, in one line; "" when all is well. A build that is finished does not fail for its cache.
  std::string save() const;

 private:
  std::filesystem::path path_;
  std::map<std::string, double> entries_;
  bool changed_ = false;
  std::string problem_;  // why the file stays as it is: something else, not readable, read-only
};

inline constexpr std::string_view kWinograd = "winograd";  // what --disable-pass calls kernels that prepare

// Names the kernel of every int8 step. Candidates of a step are the runnable entries of its op's
// table, timed at the optimal shape on data of its own, once for each distinct problem; past the budget one run of the
// table's first is all, and with a budget of 0 nothing is timed. The same cache gives the same choice. One that
// prepares (cpu/kernel.h) that is not much slower becomes one of draft.alternatives. Fills report.layers.
void choose_kernels(Draft& draft, const BuildRequest& request, TimingCache& cache, BuildReport& report);

// The plan, with the weights of its int8 steps packed for the kernels that they name.
Plan packed(Draft draft);

}  // namespace qat::engine
