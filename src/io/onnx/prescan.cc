// A walk over tags and lengths; it needs no schema but the numbers of the fields that nest.
#include "io/onnx/prescan.h"

#include <cstdint>

#include "base/error.h"

namespace qat::onnxio {

namespace {

using Bytes = std::span<const std::byte>;

// Field numbers of onnx.proto: ModelProto.graph is 7, GraphProto.node is 1.
enum class Kind { kModel, kGraph, kNode, kLeaf };

Kind kind_of(Kind parent, uint64_t field) {
  if (parent == Kind::kModel && field == 7) return Kind::kGraph;
  if (parent == Kind::kGraph && field == 1) return Kind::kNode;
  return Kind::kLeaf;
}

// False at the end or when broken.
bool read_varint(Bytes& bytes, uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint64_t>(bytes.front());
    bytes = bytes.subspan(1);
    value |= (byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

void scan(Bytes bytes, Kind kind, size_t& left) {
  uint64_t tag = 0, length = 0;
  while (read_varint(bytes, tag)) {
    const uint64_t wire = tag & 7;
    if (left-- == 0) fail(Code::kBadFile, "more than a million parts; no classifier has so many");
    if (wire == 0) {
      if (!read_varint(bytes, length)) return;
    } else if (wire == 1 || wire == 5) {
      const size_t size = wire == 1 ? 8 : 4;
      if (bytes.size() < size) return;
      bytes = bytes.subspan(size);
    } else if (wire == 2) {
      if (!read_varint(bytes, length) || length > bytes.size()) return;
      const Kind child = kind_of(kind, tag >> 3);
      if (child != Kind::kLeaf) scan(bytes.first(length), child, left);
      bytes = bytes.subspan(length);
    } else {
      return;
    }
  }
}

}  // namespace

void prescan(Bytes model) {
  size_t left = 1'000'000;
  scan(model, Kind::kModel, left);
}

}  // namespace qat::onnxio
