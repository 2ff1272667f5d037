// Files that are about to be written: see outputs.h.
#include "base/outputs.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace qat {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_folder(const fs::path& path, const std::string& why) {
  fail(Code::kIo, "cannot write ", path.string(), ": no folder ", path.parent_path().string(),
       " and none can be made (", why, "); choose another place");
}

// The folder or file nearest above; a link that leads nowhere counts, as no folder can be made in its place.
fs::path nearest_existing(fs::path folder) {
  std::error_code ignored;
  while (!folder.empty() && !fs::exists(fs::symlink_status(folder, ignored)) && folder != folder.parent_path())
    folder = folder.parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace

void check_output(const fs::path& path) {
  if (!path.has_filename()) fail(Code::kIo, "cannot write '", path.string(), "': it names no file; give a file name");
  const fs::path nearest = nearest_existing(path.parent_path());
  std::error_code ignored;
  if (!fs::is_directory(nearest, ignored)) fail_folder(path, std::strerror(ENOTDIR));
  if (!path.has_parent_path() || nearest == path.parent_path()) return check_writable(path);
  std::string probe = nearest / ".qat-XXXXXX";  // whatever permissions say: of root, of what no disk is behind
  if (::mkdtemp(probe.data()) == nullptr) fail_folder(path, std::strerror(errno));
  ::rmdir(probe.c_str());
}

void make_folder_of(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) fail_folder(path, error.message());
}

}  // namespace qat
