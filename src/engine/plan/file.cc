// The header is judged in the order checksum, machine, sizes: see file.h for the layout.
#include "engine/plan/file.h"

#include <cstring>

#include "base/checked.h"
#include "base/file.h"
#include "base/hash.h"
#include "engine/plan/directory.h"

namespace qat::engine {

namespace {

constexpr char kMagic[8] = {'\x89', 'Q', 'A', 'T', 'E', 'N', 'G', '\n'};
constexpr uint32_t kByteOrder = 0x01020304, kSwappedByteOrder = 0x04030201;
constexpr size_t kHashedFrom = 16;

struct Header {
  char magic[8];
  uint64_t checksum;
  uint32_t byte_order;
  uint32_t version;
  uint64_t file_size;
  uint64_t directory_size;
  uint64_t blobs_offset;
  uint64_t blobs_size;
  uint32_t isa;
  uint32_t flags;
};
static_assert(sizeof(Header) == 64);

uint64_t align_up(uint64_t n) { return (n + kBlobAlign - 1) / kBlobAlign * kBlobAlign; }

Header read_header(std::span<const std::byte> bytes, const std::string& name) {
  Header h;
  if (bytes.size() < sizeof(h) || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    fail(Code::kBadFile, name, " is not an engine file (", bytes.size(), " bytes); build one with qat build");
  }
  std::memcpy(&h, bytes.data(), sizeof(h));
  if (hash64(bytes.data() + kHashedFrom, bytes.size() - kHashedFrom) != h.checksum) {
    fail(Code::kBadFile, name, ": the checksum does not match: the file is damaged or incomplete; build it again");
  }
  return h;
}

[[noreturn]] void fail_machine(const std::string& name, const std::string& why, const std::string& rebuild) {
  fail(Code::kWrongMachine, name, ": ", why, "; rebuild it here: ", rebuild);
}

void check_machine(const Header& h, std::span<const std::byte> bytes, const std::string& name) {
  if (h.byte_order == kSwappedByteOrder) {
    fail_machine(name, "built for a machine of the other byte order", "qat build --saveEngine=" + name);
  }
  if (h.byte_order != kByteOrder) fail(Code::kBadFile, name, ": unknown byte order mark ", h.byte_order);
  if (h.version == kPlanVersion) return;
  if (h.directory_size > bytes.size() - sizeof(Header)) fail(Code::kBadFile, name, ": directory beyond the file's end");
  const std::string rebuild = WireReader(bytes.subspan(sizeof(Header), h.directory_size), name).text();
  fail_machine(name, cat("engine format ", h.version, ", this qat reads format ", kPlanVersion), rebuild);
}

void check_sizes(const Header& h, uint64_t file_size, const std::string& name) {
  const uint64_t directory_end = checked_add<uint64_t>(sizeof(Header), h.directory_size, name.c_str());
  const uint64_t end = checked_add(h.blobs_offset, h.blobs_size, name.c_str());
  if (h.file_size != file_size || directory_end > file_size || h.blobs_offset != align_up(directory_end) ||
      end != file_size) {
    fail(Code::kBadFile, name, ": header: directory ", h.directory_size, " bytes, blobs ", h.blobs_size, " at ",
         h.blobs_offset, " do not add up to ", file_size, " bytes");
  }
  if (h.isa > static_cast<uint32_t>(Isa::kAmx) || h.flags != 0) {
    fail(Code::kBadFile, name, ": header: unknown ISA ", h.isa, " or flags ", h.flags);
  }
}

// A machine of a level runs all lower ones; AVX-VNNI is a side branch.
bool machine_has(Isa needed) {
  if (needed == Isa::kAvxVnni) return cpu().avx_vnni && isa() >= Isa::kAvxVnni;
  return isa() >= needed;
}

}  // namespace

std::string serialize(const Plan& plan) {
  WireWriter directory;
  write_directory(plan, directory);
  Header h{};
  std::memcpy(h.magic, kMagic, sizeof(kMagic));
  h.byte_order = kByteOrder;
  h.version = kPlanVersion;
  h.directory_size = directory.bytes().size();
  h.blobs_offset = align_up(sizeof(h) + h.directory_size);
  h.blobs_size = plan.blobs.size();
  h.file_size = h.blobs_offset + h.blobs_size;
  h.isa = static_cast<uint32_t>(plan.isa);
  std::string out(h.file_size, '\0');
  std::memcpy(out.data() + sizeof(h), directory.bytes().data(), h.directory_size);
  if (!plan.blobs.empty()) std::memcpy(out.data() + h.blobs_offset, plan.blobs.data(), plan.blobs.size());
  std::memcpy(out.data(), &h, sizeof(h));
  h.checksum = hash64(out.data() + kHashedFrom, out.size() - kHashedFrom);
  std::memcpy(out.data(), &h, sizeof(h));
  return out;
}

Plan parse(std::span<const std::byte> bytes, std::shared_ptr<void> owner, const std::string& name) {
  const Header h = read_header(bytes, name);
  check_machine(h, bytes, name);
  check_sizes(h, bytes.size(), name);
  Plan plan;
  plan.isa = static_cast<Isa>(h.isa);
  WireReader in(bytes.subspan(sizeof(h), h.directory_size), name);
  read_directory(in, plan);
  if (!in.at_end()) fail(Code::kBadFile, name, ": the directory goes on past its last field");
  plan.blobs = bytes.subspan(h.blobs_offset, h.blobs_size);
  plan.owner = std::move(owner);
  try {
    validate(plan);
  } catch (const Error& error) {
    fail(error.code(), name, ": ", error.what());
  }
  if (!machine_has(plan.isa) || (plan.needs_avx512_bf16 && !cpu().avx512_bf16)) {
    fail_machine(name,
                 cat("needs ", name_of(plan.isa), plan.needs_avx512_bf16 ? " with bf16" : "", ", this machine runs ",
                     name_of(isa())),
                 plan.rebuild);
  }
  return plan;
}

void save_plan(const std::filesystem::path& path, const Plan& plan) { write_file(path, serialize(plan)); }

Plan load_plan(const std::filesystem::path& path) {
  const std::shared_ptr<MappedFile> file = MappedFile::open(path);
  return parse(file->bytes(), file, path.string());
}

}  // namespace qat::engine
