// The sum, four channels a thread.
#include "engine/cuda/add/add.h"
#include "engine/cuda/words.cuh"

namespace qat::cuda {
namespace {

struct AddWord {
  const uint32_t* a;
  const uint32_t* b;
  float a_base, b_base;  // 2^23 + zero point
  float a_scale, b_scale;
  WordSink sink;

  __device__ void operator()(int64_t pixel, int64_t word, int64_t words) const {
    const float4 x = bytes_minus(a[pixel * words + word], a_base), y = bytes_minus(b[pixel * words + word], b_base);
    const float v[4] = {fmaf(y.x, b_scale, x.x * a_scale), fmaf(y.y, b_scale, x.y * a_scale),
                        fmaf(y.z, b_scale, x.z * a_scale), fmaf(y.w, b_scale, x.w * a_scale)};
    sink.put(pixel, word, words, v);
  }
};

cudaError_t run(const kernels::AddProblem& p, const kernels::AddArgs& a, void*, cudaStream_t stream) {
  const AddWord op{.a = reinterpret_cast<const uint32_t*>(a.a),
                   .b = reinterpret_cast<const uint32_t*>(a.b),
                   .a_base = byte_base(p.a_zero_point),
                   .b_base = byte_base(p.b_zero_point),
                   .a_scale = p.a_scale,
                   .b_scale = p.b_scale,
                   .sink = word_sink(p.epilogue, a.y, p.channels)};
  return launch_words(op, p.pixels, p.channels, stream);
}

}  // namespace

std::span<const AddKernel> add_kernels() {
  static const AddKernel table[] = {
      {"add_words", kAnyCapability, supports_all<kernels::AddProblem>, no_workspace<kernels::AddProblem>, run}};
  return table;
}

}  // namespace qat::cuda
