// Reading and writing safetensors files: see safetensors.h.
#include "io/safetensors/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/checked.h"
#include "base/file.h"
#include "io/byte_reader.h"
#include "io/safetensors/header.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // as Hugging Face's reader

Tensor make_tensor(const SafetensorsEntry& entry, std::span<const std::byte> bytes, const Source& source,
                   MemoryBudget& budget) {
  const auto expected =
      checked_mul(static_cast<uint64_t>(count(entry.shape)), uint64_t{size_of(entry.type)}, "a tensor");
  if (expected != bytes.size())
    fail(Code::kBadFile, "tensor \"", printable(entry.name), "\": expected ", expected, " bytes for ",
         name_of(entry.type), " ", to_string(entry.shape), ", got ", bytes.size());
  const auto is_bool = [](std::byte b) { return static_cast<uint8_t>(b) <= 1; };
  if (entry.type == DType::kBool && !std::all_of(bytes.begin(), bytes.end(), is_bool))
    fail(Code::kBadFile, "tensor \"", printable(entry.name), "\" holds bytes that are no booleans");
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % size_of(entry.type) == 0;
  if (aligned && !bytes.empty())
    return Tensor(entry.type, entry.shape, source.owner, const_cast<std::byte*>(bytes.data()));
  budget.charge(bytes.size() + 128);
  Tensor copy(entry.type, entry.shape);
  if (!bytes.empty()) std::memcpy(copy.raw(), bytes.data(), bytes.size());
  return copy;
}

// The tensors' bytes must tile the data: no hole, no overlap, nothing behind.
void sort_and_check(std::vector<SafetensorsEntry>& entries, uint64_t data_size) {
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.offsets < b.offsets; });
  uint64_t at = 0;
  for (const SafetensorsEntry& entry : entries) {
    if (entry.offsets[0] != at || entry.offsets[1] < at)
      fail(Code::kBadFile, "tensor \"", printable(entry.name), "\": expected its data at offset ", at, ", got ",
           entry.offsets[0], " to ", entry.offsets[1], " (a hole or an overlap)");
    at = entry.offsets[1];
  }
  if (at != data_size)
    fail(Code::kBadFile, "expected ", at, " bytes of tensors, got ", data_size,
         "; the file is cut off or damaged: copy or download it again");
}

}  // namespace

Safetensors parse_safetensors(const Source& source) {
  MemoryBudget budget(source.bytes.size());
  ByteReader reader(source.bytes);
  const auto header_size = reader.read<uint64_t>("the header's length");
  if (header_size > kMaxHeader) fail(Code::kBadFile, "header of ", header_size, " bytes, expected at most 100 MB");
  const std::string_view json = reader.text(header_size, "the header; the file is cut off or no safetensors file");
  if (!json.starts_with('{')) fail(Code::kBadFile, "header does not start with {, so this is no safetensors file");
  SafetensorsHeader header = parse_header(json, budget);
  const size_t begin = reader.position();
  sort_and_check(header.entries, reader.left());
  Safetensors content;
  content.metadata = std::move(header.metadata);
  budget.charge(header.entries.size() * (sizeof(StateDict::value_type) + 64));
  content.tensors.reserve(header.entries.size());
  for (SafetensorsEntry& entry : header.entries) {
    const auto bytes = source.bytes.subspan(begin + static_cast<size_t>(entry.offsets[0]),
                                            static_cast<size_t>(entry.offsets[1] - entry.offsets[0]));
    Tensor tensor = make_tensor(entry, bytes, source, budget);
    content.tensors.emplace_back(std::move(entry.name), std::move(tensor));
  }
  return content;
}

Safetensors read_safetensors(const std::filesystem::path& path) {
  const Source source = map_source(path);  // its errors name the file themselves
  return with_place(path, [&] { return parse_safetensors(source); });
}

void write_safetensors(const std::filesystem::path& path, const Safetensors& content) {
  std::vector<const StateDict::value_type*> order;
  for (const auto& item : content.tensors) order.push_back(&item);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const size_t size_a = size_of(a->second.type()), size_b = size_of(b->second.type());
    return size_a != size_b ? size_a > size_b : a->first < b->first;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  uint64_t at = 0;
  for (const auto* item : order) {
    const auto& [name, tensor] = *item;
    if (!valid_utf8(name) || header.contains(name) || name == "__metadata__")
      fail(Code::kFailure, "cannot save tensor \"", printable(name), "\": its name is taken or not UTF-8");
    header[name] = {{"dtype", safetensors_name(tensor.type())},
                    {"shape", tensor.shape()},
                    {"data_offsets", {at, at + tensor.bytes()}}};
    at += tensor.bytes();
  }
  std::string json = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  json.append((8 - json.size() % 8) % 8, ' ');  // tensors then start at a multiple of 8
  AtomicFile file(path);
  const uint64_t size = json.size();
  file.write(&size, sizeof size);
  file.write(json);
  for (const auto* item : order) file.write(item->second.raw(), item->second.bytes());
  file.commit();
}

}  // namespace qat::io
