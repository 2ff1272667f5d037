// Pictures of one to four channels: a pixel's dword is the sum of one table entry per channel.
#include <cstring>

#include "engine/cpu/quantize/quantize_kernels.h"

namespace qat::kernels {
namespace {

const char* supports(const QuantizeProblem& p) {
  if (p.source != QuantizeSource::kU8Nhwc) return "takes u8 pictures only";
  return p.channels <= 4 ? nullptr : "takes at most 4 channels";
}

int64_t units(const QuantizeProblem& p) { return p.batch * p.height; }

// dwords[c][x]: the byte of channel c where it lies in the pixel; the pad is in channel 0's.
struct Dwords {
  Dwords(const QuantizeProblem& p, const uint8_t* table) {
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t x = 0; x < 256; ++x) dwords[c][x] = static_cast<uint32_t>(table[c * 256 + x]) << (8 * c);
    uint32_t pad = 0;
    for (int64_t c = p.channels; c < 4; ++c) pad |= static_cast<uint32_t>(p.zero_point) << (8 * c);
    for (uint32_t& entry : dwords[0]) entry |= pad;
  }
  uint32_t dwords[4][256];
};

template <int Channels>
void convert(const Dwords& t, const uint8_t* x, int64_t pixels, uint8_t* y) {
  for (int64_t i = 0; i < pixels; ++i, x += Channels) {
    uint32_t pixel = 0;
    for (int c = 0; c < Channels; ++c) pixel |= t.dwords[c][x[c]];
    std::memcpy(y + 4 * i, &pixel, 4);
  }
}

void run(const QuantizeProblem& p, const QuantizeArgs& a, int64_t begin, int64_t end, void*) {
  const Dwords table(p, a.table);
  const auto* x = static_cast<const uint8_t*>(a.x) + begin * p.width * p.channels;
  uint8_t* y = a.y + begin * p.width * 4;
  const int64_t pixels = (end - begin) * p.width;
  switch (p.channels) {
    case 1:
      return convert<1>(table, x, pixels, y);
    case 2:
      return convert<2>(table, x, pixels, y);
    case 3:
      return convert<3>(table, x, pixels, y);
    default:
      return convert<4>(table, x, pixels, y);
  }
}

}  // namespace

constinit const QuantizeKernel kQuantizeDwords{
    "quantize_dwords", Isa::kPortable, supports, units, no_scratch<QuantizeProblem>, run};

}  // namespace qat::kernels
