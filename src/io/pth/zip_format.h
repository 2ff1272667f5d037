// Numbers of the zip format (PKWARE's APPNOTE.TXT 6.3.10) that the reader and the writer share.
#pragma once

#include <cstddef>
#include <cstdint>

namespace qat::io::zip {

inline constexpr uint32_t kLocalHeader = 0x04034B50;
inline constexpr uint32_t kCentralHeader = 0x02014B50;
inline constexpr uint32_t kEnd = 0x06054B50;
inline constexpr uint32_t kEnd64 = 0x06064B50;
inline constexpr uint32_t kLocator64 = 0x07064B50;

inline constexpr size_t kEndSize = 22;
inline constexpr size_t kLocator64Size = 20;
inline constexpr size_t kCentralSize = 46;
inline constexpr uint64_t kEnd64Rest = 44;  // its size field counts what follows that field

inline constexpr uint16_t kExtraZip64 = 0x0001;
inline constexpr uint16_t kExtraPadding = 0x4246;  // "FB": PyTorch aligns with it

inline constexpr uint16_t kFlagEncrypted = 1u << 0;
inline constexpr uint16_t kFlagDescriptor = 1u << 3;  // sizes and crc follow the data
inline constexpr uint16_t kFlagUtf8 = 1u << 11;

inline constexpr uint32_t kIn64 = 0xFFFFFFFF;  // "see the zip64 field"
inline constexpr uint16_t kCountIn64 = 0xFFFF;

}  // namespace qat::io::zip
