// The product, four channels a thread.
#include "engine/cuda/mul/mul.h"
#include "engine/cuda/words.cuh"

namespace qat::cuda {
namespace {

struct MulWord {
  const uint32_t* a;
  const uint32_t* b;
  int64_t image_pixels;  // for a gate, 1 elsewhere
  float a_base, b_base;  // 2^23 + zero point
  float scale;
  WordSink sink;

  // The products of two differences of bytes are exact in float; an integer has no negative zero.
  __device__ float product(float x, float y) const { return (x * y + 0.0f) * scale; }
  __device__ void operator()(int64_t pixel, int64_t word, int64_t words) const {
    const int64_t other = image_pixels == 1 ? pixel : pixel / image_pixels;
    const float4 x = bytes_minus(a[pixel * words + word], a_base), y = bytes_minus(b[other * words + word], b_base);
    const float v[4] = {product(x.x, y.x), product(x.y, y.y), product(x.z, y.z), product(x.w, y.w)};
    sink.put(pixel, word, words, v);
  }
};

cudaError_t run(const kernels::MulProblem& p, const kernels::MulArgs& a, void*, cudaStream_t stream) {
  const MulWord op{.a = reinterpret_cast<const uint32_t*>(a.a),
                   .b = reinterpret_cast<const uint32_t*>(a.b),
                   .image_pixels = p.shape == kernels::MulShape::kGate ? p.pixels : 1,
                   .a_base = byte_base(p.a_zero_point),
                   .b_base = byte_base(p.b_zero_point),
                   .scale = p.scale,
                   .sink = word_sink(p.epilogue, a.y, p.channels)};
  return launch_words(op, p.batch * p.pixels, p.channels, stream);
}

}  // namespace

std::span<const MulKernel> mul_kernels() {
  static const MulKernel table[] = {
      {"mul_words", kAnyCapability, supports_all<kernels::MulProblem>, no_workspace<kernels::MulProblem>, run}};
  return table;
}

}  // namespace qat::cuda
