// safetensors files: a length, a JSON header, then the tensors' bytes without holes.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "io/pth/pth.h"
#include "io/source.h"

namespace qat::io {

// Types F32 F16 BF16 F64 I8 U8 I16 I32 I64 BOOL. Format: github.com/huggingface/safetensors, "Format".
struct Safetensors {
  StateDict tensors;                            // in the order of their bytes
  std::map<std::string, std::string> metadata;  // of the header's "__metadata__"
};

// Tensors stay in the mapped file (copy on write) where they are aligned. Throws Error(kBadFile) for a header that is
// over 100 MB, not strictly as described, or has duplicate keys, holes, overlaps or bytes behind the last tensor.
Safetensors read_safetensors(const std::filesystem::path& path);

// The same on bytes in memory; errors lack the file's name.
Safetensors parse_safetensors(const Source& source);

// Atomic. Tensors go by falling alignment, then name, as Hugging Face's writer orders them. Throws Error(kFailure) for
// names that are not UTF-8 or occur twice.
void write_safetensors(const std::filesystem::path& path, const Safetensors& content);

}  // namespace qat::io
