// The zip reader against archives that lie: each field falsified in turn; and the checksum.
#include <cstring>

#include "base/random.h"
#include "io/hostile.h"
#include "io/pth/crc32.h"
#include "io/pth/zip_format.h"
#include "io/pth/zip_reader.h"
#include "io/pth/zip_writer.h"
#include "io/python_judge.h"

namespace qat::io {
namespace {

using qat::testing::TempFolder;

std::string archive(const std::vector<std::pair<std::string, std::string>>& entries) {
  const TempFolder folder;
  AtomicFile file(folder / "a.zip");
  ZipWriter zip(file);
  for (const auto& [name, text] : entries) zip.add(name, text);
  zip.finish();
  file.commit();
  return read_file(folder / "a.zip");
}

std::string two_entries() { return archive({{"a/one", "first"}, {"a/two", "second entry"}}); }

std::string error_of(const std::string& bytes) {
  const Source source = qat::testing::in_memory(bytes);
  MemoryBudget budget(bytes.size());
  try {
    const ZipArchive zip(source.bytes, budget);
    for (const ZipEntry& entry : zip.entries()) checked_data(entry);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    return error.what();
  }
  return "accepted";
}

template <class T>
std::string patched(std::string bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
  return bytes;
}

template <class T>
T number_at(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

TEST(Zip, FindsEntriesByName) {
  const std::string bytes = two_entries();
  MemoryBudget budget(bytes.size());
  const Source source = qat::testing::in_memory(bytes);
  const ZipArchive zip(source.bytes, budget);
  ASSERT_EQ(zip.entries().size(), 2u);
  const auto data = checked_data(*zip.find("a/two"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(data.data()), data.size()), "second entry");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(data.data()) % ZipWriter::kAlignment, 0u);
  EXPECT_EQ(zip.find("a/three"), nullptr);
}

TEST(Zip, EmptyArchive) { EXPECT_EQ(error_of(archive({})), "accepted"); }

TEST(Zip, ForbiddenNames) {
  for (const char* name : {"../a", "a/../b", "a/..", "/a", "a\\b", "", "\xFF"}) {
    EXPECT_NE(error_of(archive({{name, "x"}})).find("forbidden name"), std::string::npos) << name;
  }
  EXPECT_NE(error_of(archive({{std::string("a\0b", 3), "x"}})).find("forbidden name"), std::string::npos);
  EXPECT_EQ(error_of(archive({{"a..b/..c", "x"}})), "accepted");
}

TEST(Zip, DuplicateNames) {
  EXPECT_NE(error_of(archive({{"a", "1"}, {"b", "2"}, {"a", "3"}})).find("two entries named \"a\""), std::string::npos);
}

TEST(Zip, DamagedContent) {
  std::string bytes = two_entries();
  bytes[bytes.find("second")] ^= 1;
  EXPECT_NE(error_of(bytes).find("CRC-32"), std::string::npos);
}

TEST(Zip, FalseDirectoryFields) {
  const std::string bytes = two_entries();
  const size_t end = bytes.size() - zip::kEndSize;
  const size_t end64 = end - zip::kLocator64Size - 56;
  const auto directory = static_cast<size_t>(number_at<uint64_t>(bytes, end64 + 48));
  ASSERT_EQ(number_at<uint32_t>(bytes, directory), zip::kCentralHeader);
  const auto first = std::string("a/one").size() + zip::kCentralSize;
  const size_t second = directory + first;
  EXPECT_EQ(error_of(bytes), "accepted");
  // The end records.
  for (const uint64_t count : {uint64_t{0}, uint64_t{1}, uint64_t{3}, ~uint64_t{0}, uint64_t{1} << 62}) {
    std::string both = patched(patched(bytes, end64 + 24, count), end64 + 32, count);
    both = patched(patched(both, end + 8, uint16_t{0xFFFF}), end + 10, uint16_t{0xFFFF});
    EXPECT_NE(error_of(both), "accepted") << count;
  }
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{bytes.size()}, ~uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_NE(error_of(patched(bytes, end64 + 40, value)), "accepted") << "size " << value;
    EXPECT_NE(error_of(patched(bytes, end64 + 48, value)), "accepted") << "offset " << value;
    EXPECT_NE(error_of(patched(bytes, end64 + 4, value)), "accepted") << "record size " << value;
    EXPECT_NE(error_of(patched(bytes, end - 12, value)), "accepted") << "locator " << value;
  }
  EXPECT_NE(error_of(patched(bytes, end + 4, uint16_t{1})), "accepted");   // disk
  EXPECT_NE(error_of(patched(bytes, end + 10, uint16_t{7})), "accepted");  // counts disagree
  EXPECT_NE(error_of(patched(bytes, end + 20, uint16_t{1})), "accepted");  // comment past the end
  // The second entry's record.
  EXPECT_NE(error_of(patched(bytes, second + 8, uint16_t{0x801})).find("encrypted"), std::string::npos);
  EXPECT_NE(error_of(patched(bytes, second + 10, uint16_t{8})), "accepted");  // method
  EXPECT_NE(error_of(patched(bytes, second + 16, uint32_t{1})), "accepted");  // crc
  for (const uint32_t value : {0u, 1u, 11u, 13u, 0x7FFFFFFFu, 0xFFFFFFFEu, 0xFFFFFFFFu}) {
    EXPECT_NE(error_of(patched(bytes, second + 20, value)), "accepted") << value;  // stored size
    EXPECT_NE(error_of(patched(bytes, second + 24, value)), "accepted") << value;  // content size
    EXPECT_NE(error_of(patched(bytes, second + 42, value)), "accepted") << value;  // local header
  }
}

TEST(Zip, OverlappingEntries) {
  // The second record points at the first entry, under the first one's name with another last letter.
  std::string bytes = archive({{"a/one", "same"}, {"a/ond", "same"}});
  const size_t end64 = bytes.size() - zip::kEndSize - zip::kLocator64Size - 56;
  const auto directory = static_cast<size_t>(number_at<uint64_t>(bytes, end64 + 48));
  const size_t second = directory + zip::kCentralSize + 5;
  EXPECT_NE(error_of(patched(bytes, second + 42, uint32_t{0})), "accepted");
  // An entry inside another's data: "outer" holds a whole local entry that the directory also lists.
  const std::string inner = archive({{"in", "x"}});
  const std::string content = inner.substr(0, inner.find("PK\x01\x02"));
  bytes = archive({{"outer", content}, {"in", "x"}});
  const size_t at = bytes.find(content);
  const size_t end = bytes.size() - zip::kEndSize - zip::kLocator64Size - 56;
  const size_t last = static_cast<size_t>(number_at<uint64_t>(bytes, end + 48)) + zip::kCentralSize + 5;
  EXPECT_NE(error_of(patched(bytes, last + 42, static_cast<uint32_t>(at))).find("overlap"), std::string::npos);
}

TEST(Crc32, BothWaysGiveTheKnownValues) {
  const std::string_view digits = "123456789";
  EXPECT_EQ(crc32(std::as_bytes(std::span(digits))), 0xCBF43926u);
  EXPECT_EQ(crc32({}), 0u);
  Random random(3);
  std::vector<std::byte> data(5000);
  for (std::byte& b : data) b = static_cast<std::byte>(random.bits());
  for (size_t size : {0u, 1u, 15u, 16u, 17u, 63u, 64u, 65u, 79u, 80u, 127u, 128u, 129u, 1000u, 4096u, 4999u}) {
    for (const size_t offset : {0u, 1u}) {
      const auto part = std::span(data).subspan(offset, size);
      uint32_t slow = ~0u;  // bit by bit
      for (const std::byte b : part) {
        slow ^= static_cast<uint32_t>(b);
        for (int bit = 0; bit < 8; ++bit) slow = (slow >> 1) ^ ((slow & 1u) != 0 ? 0xEDB88320u : 0u);
      }
      EXPECT_EQ(crc32(part), ~slow) << size;
      EXPECT_EQ(detail::crc32_table(part, 0), ~slow) << size;
      EXPECT_EQ(crc32(part.subspan(size / 3), crc32(part.first(size / 3))), ~slow) << size;
    }
  }
}

}  // namespace
}  // namespace qat::io
