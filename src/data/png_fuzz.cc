// Fuzz target: any bytes given to the PNG decoder make an image or an Error, nothing else.
#include "base/error.h"
#include "data/decode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    qat::data::decode_png({reinterpret_cast<const std::byte*>(data), size}, "fuzz", qat::data::Color::kRgb);
  } catch (const qat::Error&) {
    return 0;
  }
  return 0;
}
