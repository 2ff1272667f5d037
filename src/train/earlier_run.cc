// Moving an earlier run aside: see earlier_run.h.
#include "train/earlier_run.h"

#include "base/error.h"

namespace qat::train {

namespace fs = std::filesystem;

void keep_earlier_run(const fs::path& outputs, const Names& names, const Report& report) {
  if (!fs::exists(names.best) && !fs::exists(names.last)) return;
  int number = 1;
  while (fs::exists(outputs / "earlier" / std::to_string(number))) ++number;
  const fs::path folder = outputs / "earlier" / std::to_string(number);
  try {
    fs::create_directories(folder);
    for (const fs::path& file : {names.initial, names.best, names.last, names.metrics})
      if (fs::exists(file)) fs::rename(file, folder / file.filename());
  } catch (const fs::filesystem_error& error) {
    fail(Code::kIo, "[OUTPUTS] cannot move the earlier run of ", outputs.string(), " to ", folder.string(), ": ",
         error.code().message(), "; choose another OUTPUTS");
  }
  if (report.info) report.info(cat("the earlier run of ", outputs.string(), " is kept in ", folder.string()));
}

}  // namespace qat::train
