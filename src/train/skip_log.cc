// Broken images by pass: see skip_log.h.
#include "train/skip_log.h"

#include <algorithm>

#include "base/text.h"

namespace qat::train {

void SkipLog::note(const std::string& pass, const data::Loader& loader) {
  constexpr size_t kNames = 3;
  int64_t& said = said_[pass];
  if (!report_.info || loader.skipped() == said) return;
  said = loader.skipped();
  const std::vector<std::string>& all = loader.skipped_messages();
  const std::vector<std::string> first(all.begin(), all.begin() + std::min(all.size(), kNames));
  const bool more = said > static_cast<int64_t>(first.size());
  report_.info(cat(pass, ": ", said, said == 1 ? " broken image" : " broken images",
                   " left out (DATA.BROKEN=skip): ", join(first, "; "), more ? "; ..." : ""));
}

}  // namespace qat::train
