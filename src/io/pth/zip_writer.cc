// The zip writer: local headers padded to the alignment, directory, end records. See zip_writer.h.
#include "io/pth/zip_writer.h"

#include <algorithm>
#include <concepts>

#include "base/error.h"
#include "io/pth/crc32.h"
#include "io/pth/zip_format.h"

namespace qat::io {

namespace {

constexpr uint16_t kVersion = 45;  // zip64
constexpr uint16_t kStored = 0;
constexpr uint32_t kDate = 0x00210000;  // 1980-01-01, so that the same content gives the same bytes

template <std::unsigned_integral T>
void put(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(static_cast<uint8_t>(value >> (8 * i)));
}

uint32_t narrow(uint64_t value) { return static_cast<uint32_t>(std::min<uint64_t>(value, zip::kIn64)); }

// The zip64 field with those values that do not fit 32 bits; empty when all fit.
std::string zip64_field(std::initializer_list<uint64_t> values) {
  std::string wide;
  for (const uint64_t value : values) {
    if (value >= zip::kIn64) put(wide, value);
  }
  if (wide.empty()) return wide;
  std::string field;
  put(field, zip::kExtraZip64);
  put(field, static_cast<uint16_t>(wide.size()));
  return field + wide;
}

// A field that fills up to the alignment the `taken` bytes before it.
std::string padding_field(uint64_t taken) {
  const uint64_t over = (taken + 4) % ZipWriter::kAlignment;
  const auto fill = static_cast<uint16_t>(over == 0 ? 0 : ZipWriter::kAlignment - over);
  std::string field;
  put(field, zip::kExtraPadding);
  put(field, fill);
  return field.append(fill, 'Z');
}

}  // namespace

void ZipWriter::add(std::string_view name, std::string_view text) {
  add(name, std::as_bytes(std::span(text.data(), text.size())));
}

void ZipWriter::add(std::string_view name, std::span<const std::byte> data) {
  QAT_ASSERT(name.size() < 0xFFFF);
  const Entry& entry = entries_.emplace_back(
      Entry{.name = std::string(name), .crc = crc32(data), .size = data.size(), .header = file_.position()});
  std::string header;
  put(header, zip::kLocalHeader);
  put(header, kVersion);
  put(header, zip::kFlagUtf8);
  put(header, kStored);
  put(header, kDate);
  put(header, entry.crc);
  put(header, narrow(entry.size));
  put(header, narrow(entry.size));
  std::string extra = zip64_field({entry.size, entry.size});
  extra += padding_field(entry.header + header.size() + 4 + name.size() + extra.size());
  put(header, static_cast<uint16_t>(name.size()));
  put(header, static_cast<uint16_t>(extra.size()));
  file_.write(header);
  file_.write(name);
  file_.write(extra);
  if (!data.empty()) file_.write(data.data(), data.size());
}

void ZipWriter::finish() {
  const uint64_t begin = file_.position();
  for (const Entry& entry : entries_) {
    const std::string extra =
        entry.size >= zip::kIn64 ? zip64_field({entry.size, entry.size, entry.header}) : zip64_field({entry.header});
    std::string header;
    put(header, zip::kCentralHeader);
    put(header, kVersion);
    put(header, kVersion);
    put(header, zip::kFlagUtf8);
    put(header, kStored);
    put(header, kDate);
    put(header, entry.crc);
    put(header, narrow(entry.size));
    put(header, narrow(entry.size));
    put(header, static_cast<uint16_t>(entry.name.size()));
    put(header, static_cast<uint16_t>(extra.size()));
    put(header, uint16_t{0});  // comment
    put(header, uint16_t{0});  // disk
    put(header, uint16_t{0});  // attributes
    put(header, uint32_t{0});
    put(header, narrow(entry.header));
    file_.write(header);
    file_.write(entry.name);
    file_.write(extra);
  }
  write_end(begin);
}

void ZipWriter::write_end(uint64_t directory_begin) {
  const uint64_t end64 = file_.position();
  const uint64_t count = entries_.size(), size = end64 - directory_begin;
  std::string records;
  put(records, zip::kEnd64);
  put(records, zip::kEnd64Rest);
  put(records, kVersion);
  put(records, kVersion);
  put(records, uint32_t{0});  // disks
  put(records, uint32_t{0});
  put(records, count);
  put(records, count);
  put(records, size);
  put(records, directory_begin);
  put(records, zip::kLocator64);
  put(records, uint32_t{0});
  put(records, end64);
  put(records, uint32_t{1});
  const auto small_count = static_cast<uint16_t>(std::min<uint64_t>(count, zip::kCountIn64));
  put(records, zip::kEnd);
  put(records, uint32_t{0});
  put(records, small_count);
  put(records, small_count);
  put(records, narrow(size));
  put(records, narrow(directory_begin));
  put(records, uint16_t{0});
  file_.write(records);
}

}  // namespace qat::io
