// Broken images by pass: see skip_log.h.
#include "train/skip_log.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "train/distributed/agree.h"

namespace qat::train {

void SkipLog::note(const std::string& pass, const data::Loader& loader, Group* group) {
  constexpr size_t kNames = 3;
  std::array<int64_t, 1> skipped{loader.skipped()};
  if (group != nullptr) group->sum(std::span<int64_t>(skipped));
  int64_t& said = said_[pass];
  if (skipped[0] == said) return;
  said = skipped[0];
  const std::vector<std::string>& all = loader.skipped_messages();
  const std::vector<std::string> first(all.begin(), all.begin() + std::min(all.size(), kNames));
  const std::string names = first_text(group, join(first, "; "));
  if (!report_.info) return;
  report_.info(cat(pass, ": ", said, said == 1 ? " broken image" : " broken images",
                   " left out (DATA.BROKEN=skip): ", names, said > static_cast<int64_t>(kNames) ? "; ..." : ""));
}

}  // namespace qat::train
