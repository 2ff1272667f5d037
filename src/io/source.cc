// Mapping a file for a parser: see source.h.
#include "io/source.h"

#include "base/file.h"

namespace qat::io {

Source map_source(const std::filesystem::path& path) {
  const std::shared_ptr<MappedFile> file = MappedFile::open(path, MappedFile::Access::kCopyOnWrite);
  return {.bytes = file->bytes(), .owner = file};
}

}  // namespace qat::io
