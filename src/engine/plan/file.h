// Engine files: a plan as bytes that are mapped and used in place.
//
// Goals: loading costs one checksum and no copy of the weights; a damaged file is refused before anything in it is
// believed; the same plan gives the same bytes. Non-goals: use on another CPU family, byte order or version: those are
// refused with the command that rebuilds the engine.
//
//   0  magic "\x89QATENG\n"      16 byte order 0x01020304      32 directory bytes u64     56 ISA u32
//   8  XXH3-64 of bytes 16..end  20 version u32                40 blobs' offset u64       60 flags u32
//                                24 file size u64              48 blobs' bytes u64        64 directory, then blobs
// The directory starts with the rebuild command in every version. Little endian; blobs are 256-byte aligned.
#pragma once

#include <filesystem>
#include <string>

#include "engine/plan/plan.h"

namespace qat::engine {

inline constexpr uint32_t kPlanVersion = 7;

// The file's content; deterministic.
std::string serialize(const Plan& plan);

// Inverse of serialize; the plan refers to `bytes`, which `owner` keeps alive. `name` is for messages. Throws
// Error(kBadFile) for a damaged file, and Error(kWrongMachine), with the command to rebuild, for one of another
// version, byte order or ISA.
Plan parse(std::span<const std::byte> bytes, std::shared_ptr<void> owner, const std::string& name);

void save_plan(const std::filesystem::path& path, const Plan& plan);  // atomic
Plan load_plan(const std::filesystem::path& path);                    // mapped

}  // namespace qat::engine
