// The .pth parser on bytes in memory, for read_pth and the fuzzer.
#pragma once

#include "io/pth/pth.h"
#include "io/source.h"

namespace qat::io {

// Throws Error(kBadFile) without the file's name: read_pth adds it.
PyValue parse_pth(const Source& source);

}  // namespace qat::io
