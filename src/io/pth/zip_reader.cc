// The zip reader: end record, central directory, local headers, overlaps. See zip_reader.h.
#include "io/pth/zip_reader.h"

#include <algorithm>

#include "io/byte_reader.h"
#include "io/pth/crc32.h"
#include "io/pth/zip_format.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

using Bytes = std::span<const std::byte>;

constexpr size_t kMaxEntries = size_t{1} << 18;  // PyTorch writes one per tensor

struct Directory {
  uint64_t offset = 0, size = 0, count = 0;
  uint64_t end = 0;  // where the records behind it begin
};

// An entry as the central directory tells it.
struct Record {
  std::string_view name;
  uint16_t flags = 0, method = 0;
  uint32_t crc = 0;
  uint64_t size = 0;    // of the data as it stands there
  uint64_t header = 0;  // of the local header
  uint64_t begin = 0;   // of the data
};

size_t find_end(Bytes bytes) {
  const size_t farthest = zip::kEndSize + 0xFFFF;  // the longest comment
  const size_t lowest = bytes.size() > farthest ? bytes.size() - farthest : 0;
  if (bytes.size() >= zip::kEndSize) {
    for (size_t at = bytes.size() - zip::kEndSize + 1; at-- > lowest;) {
      ByteReader reader(bytes, at);
      if (reader.read<uint32_t>("end record") != zip::kEnd) continue;
      reader.take(16, "end record");
      if (reader.read<uint16_t>("end record") == reader.left()) return at;
    }
  }
  fail(Code::kBadFile, "has no zip end record: the file is cut off or no zip archive; copy or download it again");
}

Directory read_end(Bytes bytes, size_t at) {
  ByteReader reader(bytes, at + 4);
  const auto disk = reader.read<uint16_t>("end record");
  const auto directory_disk = reader.read<uint16_t>("end record");
  const auto count_here = reader.read<uint16_t>("end record");
  Directory directory;
  directory.count = reader.read<uint16_t>("end record");
  directory.size = reader.read<uint32_t>("end record");
  directory.offset = reader.read<uint32_t>("end record");
  directory.end = at;
  if (disk != 0 || directory_disk != 0 || count_here != directory.count)
    fail(Code::kBadFile, "is one part of a divided zip archive");
  return directory;
}

// The zip64 records stand right before the end record; what both tell must agree.
Directory read_end64(Bytes bytes, size_t end_at, const Directory& narrow) {
  ByteReader locator(bytes, end_at - zip::kLocator64Size + 4);
  const auto disk = locator.read<uint32_t>("zip64 locator");
  const auto at = locator.read<uint64_t>("zip64 locator");
  const auto disks = locator.read<uint32_t>("zip64 locator");
  if (at > end_at) fail(Code::kBadFile, "zip64 end record lies past the end");
  ByteReader reader(bytes, static_cast<size_t>(at));
  const auto signature = reader.read<uint32_t>("zip64 end record");
  const auto rest = reader.read<uint64_t>("zip64 end record");
  const size_t body = reader.position();
  reader.take(4, "zip64 end record");  // versions
  const auto this_disk = reader.read<uint32_t>("zip64 end record");
  const auto directory_disk = reader.read<uint32_t>("zip64 end record");
  const auto count_here = reader.read<uint64_t>("zip64 end record");
  Directory wide;
  wide.count = reader.read<uint64_t>("zip64 end record");
  wide.size = reader.read<uint64_t>("zip64 end record");
  wide.offset = reader.read<uint64_t>("zip64 end record");
  wide.end = at;
  const bool placed = rest >= zip::kEnd64Rest && rest == end_at - zip::kLocator64Size - body;
  const bool whole = disk == 0 && disks <= 1 && this_disk == 0 && directory_disk == 0 && count_here == wide.count;
  if (signature != zip::kEnd64 || !placed || !whole) fail(Code::kBadFile, "has a false zip64 end record");
  const auto agree = [](uint64_t small, uint64_t large, uint64_t mark) { return small == mark || small == large; };
  if (!agree(narrow.count, wide.count, zip::kCountIn64) || !agree(narrow.size, wide.size, zip::kIn64) ||
      !agree(narrow.offset, wide.offset, zip::kIn64))
    fail(Code::kBadFile, "its zip64 and zip end records disagree");
  return wide;
}

Directory find_directory(Bytes bytes) {
  const size_t at = find_end(bytes);
  Directory directory = read_end(bytes, at);
  if (at >= zip::kLocator64Size) {
    ByteReader locator(bytes, at - zip::kLocator64Size);
    if (locator.read<uint32_t>("zip64 locator") == zip::kLocator64) directory = read_end64(bytes, at, directory);
  }
  if (directory.offset > directory.end || directory.size != directory.end - directory.offset)
    fail(Code::kBadFile, "its zip directory is not where the end record says");
  if (directory.count > kMaxEntries || directory.count > directory.size / zip::kCentralSize)
    fail(Code::kBadFile, "its zip directory claims ", directory.count, " entries");
  return directory;
}

// Replaces each value that is marked as being in the zip64 field, in the field's fixed order.
void read_zip64_field(Bytes extra, std::initializer_list<uint64_t*> values) {
  ByteReader reader(extra);
  while (reader.left() >= 4) {
    const auto id = reader.read<uint16_t>("extra field");
    const auto size = reader.read<uint16_t>("extra field");
    ByteReader field(reader.take(size, "an extra field"));
    if (id != zip::kExtraZip64) continue;
    for (uint64_t* value : values) {
      if (*value == zip::kIn64) *value = field.read<uint64_t>("zip64 field");
    }
    return;
  }
}

void check_name(std::string_view name) {
  const bool absolute = name.starts_with('/') || name.find('\\') != std::string_view::npos;
  const bool climbs = ("/" + std::string(name) + "/").find("/../") != std::string::npos;
  if (name.empty() || absolute || climbs || name.find('\0') != std::string_view::npos || !valid_utf8(name))
    fail(Code::kBadFile, "has an entry with the forbidden name \"", printable(name), "\"");
}

Record read_central(ByteReader& reader) {
  const char* const what = "its zip directory";
  if (reader.read<uint32_t>(what) != zip::kCentralHeader) fail(Code::kBadFile, "its zip directory is damaged");
  reader.take(4, what);  // versions
  Record record;
  record.flags = reader.read<uint16_t>(what);
  record.method = reader.read<uint16_t>(what);
  reader.take(4, what);  // time
  record.crc = reader.read<uint32_t>(what);
  record.size = reader.read<uint32_t>(what);
  uint64_t content = reader.read<uint32_t>(what);
  const auto name_size = reader.read<uint16_t>(what);
  const auto extra_size = reader.read<uint16_t>(what);
  const auto comment_size = reader.read<uint16_t>(what);
  reader.take(8, what);  // disk, attributes
  record.header = reader.read<uint32_t>(what);
  record.name = reader.text(name_size, what);
  read_zip64_field(reader.take(extra_size, what), {&content, &record.size, &record.header});
  reader.take(comment_size, what);
  check_name(record.name);
  if ((record.flags & zip::kFlagEncrypted) != 0)
    fail(Code::kBadFile, "entry \"", printable(record.name), "\" is encrypted");
  if (record.method == 0 && content != record.size)
    fail(Code::kBadFile, "entry \"", printable(record.name), "\" has two sizes");
  return record;
}

// Finds the data behind the local header, which must tell the same as the directory.
void read_local(Bytes bytes, const Directory& directory, Record& record) {
  const char* const what = "a zip entry";
  ByteReader reader(bytes.first(static_cast<size_t>(directory.offset)));
  if (record.header > reader.left()) fail(Code::kBadFile, "entry \"", printable(record.name), "\" lies past the data");
  reader.take(record.header, what);
  const auto signature = reader.read<uint32_t>(what);
  reader.take(2, what);  // version
  const auto flags = reader.read<uint16_t>(what);
  const auto method = reader.read<uint16_t>(what);
  reader.take(4, what);  // time
  const auto crc = reader.read<uint32_t>(what);
  uint64_t size = reader.read<uint32_t>(what);
  uint64_t content = reader.read<uint32_t>(what);
  const auto name_size = reader.read<uint16_t>(what);
  const auto extra_size = reader.read<uint16_t>(what);
  const std::string_view name = reader.text(name_size, what);
  read_zip64_field(reader.take(extra_size, what), {&content, &size});
  record.begin = reader.position();
  const bool later = (flags & zip::kFlagDescriptor) != 0;
  const bool sized = later || (size == record.size && crc == record.crc);
  if (signature != zip::kLocalHeader || method != record.method || flags != record.flags || name != record.name ||
      !sized)
    fail(Code::kBadFile, "entry \"", printable(record.name), "\": its own header and the zip directory disagree");
  reader.take(record.size, "an entry's data");
}

void check_overlaps(std::vector<Record>& records) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.header < b.header; });
  for (size_t i = 1; i < records.size(); ++i) {
    const Record& before = records[i - 1];
    if (records[i].header < before.begin + before.size)
      fail(Code::kBadFile, "entries \"", printable(before.name), "\" and \"", printable(records[i].name), "\" overlap");
  }
}

}  // namespace

ZipArchive::ZipArchive(Bytes bytes, MemoryBudget& budget) {
  const Directory directory = find_directory(bytes);
  const auto count = static_cast<size_t>(directory.count);
  budget.charge(count * (sizeof(Record) + sizeof(ZipEntry)));
  std::vector<Record> records;
  records.reserve(count);
  ByteReader reader(bytes.first(static_cast<size_t>(directory.end)), static_cast<size_t>(directory.offset));
  for (size_t i = 0; i < count; ++i) {
    records.push_back(read_central(reader));
    read_local(bytes, directory, records.back());
  }
  if (reader.left() != 0) fail(Code::kBadFile, "its zip directory holds more than the ", count, " entries it claims");
  check_overlaps(records);
  entries_.reserve(count);
  for (const Record& record : records) {
    const Bytes data = bytes.subspan(static_cast<size_t>(record.begin), static_cast<size_t>(record.size));
    entries_.push_back({.name = record.name, .data = data, .method = record.method, .crc = record.crc});
  }
  std::sort(entries_.begin(), entries_.end(), [](const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; });
  const auto same = [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; };
  const auto twice = std::adjacent_find(entries_.begin(), entries_.end(), same);
  if (twice != entries_.end()) fail(Code::kBadFile, "has two entries named \"", printable(twice->name), "\"");
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), name,
                                   [](const ZipEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

std::span<const std::byte> checked_data(const ZipEntry& entry) {
  if (entry.method != 0)
    fail(Code::kBadFile, "entry \"", printable(entry.name), "\" is compressed (zip method ", entry.method,
         "), expected stored as torch.save writes it; load the file in Python and torch.save it again");
  if (entry.crc != 0 && crc32(entry.data) != entry.crc)
    fail(Code::kBadFile, "entry \"", printable(entry.name), "\" is damaged (its CRC-32 does not match)");
  return entry.data;
}

}  // namespace qat::io
