// Steps at the border: the caller's memory in and out, and flattening.
#include <cstring>

#include "base/error.h"
#include "engine/runtime/kernel_step.h"
#include "engine/runtime/row_step.h"

namespace qat::engine {

using namespace kernels;  // NOLINT: this file is about them

namespace {

// Caller's f32 or u8 images -> u8 tensor.
class ReadCoded : public KernelStep<QuantizeKernel> {
 public:
  using KernelStep::KernelStep;
  void set_external(const void* input, void*) override { args_.x = input; }
};

// u8 tensor -> caller's f32.
class WriteCoded : public KernelStep<DequantizeKernel> {
 public:
  using KernelStep::KernelStep;
  void set_external(const void*, void* output) override { args_.y = static_cast<float*>(output); }
};

// Through the float library: another layout or bf16.
class ReadLibrary : public LibraryStep {
 public:
  using LibraryStep::LibraryStep;
  void set_external(const void* input, void*) override { args_.inputs[0] = input; }
};
class WriteLibrary : public LibraryStep {
 public:
  using LibraryStep::LibraryStep;
  void set_external(const void*, void* output) override { args_.y = output; }
};

// A row function of (external pointer, row): plain f32 NHWC.
template <class Row>
class PlainIo : public BoundStep {
 public:
  PlainIo(const char* kernel, bool reads, int64_t rows, Row row)
      : kernel_(kernel), reads_(reads), rows_(rows), row_(std::move(row)) {}
  int64_t units() const override { return rows_; }
  size_t scratch_bytes() const override { return 0; }
  void run(int64_t begin, int64_t end, void*) override {
    for (int64_t i = begin; i < end; ++i) row_(external_, i);
  }
  std::string kernel() const override { return kernel_; }
  void set_external(const void* input, void* output) override {
    external_ = reads_ ? const_cast<void*>(input) : output;
  }

 private:
  const char* kernel_;
  bool reads_;
  int64_t rows_;
  Row row_;
  void* external_ = nullptr;
};
template <class Row>
std::unique_ptr<BoundStep> plain_io(const char* kernel, bool reads, int64_t rows, Row row) {
  return std::make_unique<PlainIo<Row>>(kernel, reads, rows, std::move(row));
}

std::unique_ptr<BoundStep> read_coded(const BindContext& c, bool pictures) {
  const QuantizeSource source = pictures ? QuantizeSource::kU8Nhwc : QuantizeSource::kF32Nchw;
  const QuantizeProblem problem = quantize_problem(c.view, source, c.view.out_extents());
  const auto* table =
      pictures ? reinterpret_cast<const uint8_t*>(c.blob(0, static_cast<size_t>(problem.channels) * 256)) : nullptr;
  const QuantizeKernel& kernel = kernel_of(c.step(), quantize_kernels(), problem);
  return std::make_unique<ReadCoded>(kernel, problem,
                                     QuantizeArgs{.table = table, .y = reinterpret_cast<uint8_t*>(c.out())});
}

std::unique_ptr<BoundStep> read_pictures(const BindContext& c) {
  const Extents e = c.view.out_extents();
  const int64_t k = c.view.out().channels;
  const float* table = c.floats_blob(0, k * 256);
  return plain_io("read_u8_plain", true, e.n * e.h,
                  [=, y = reinterpret_cast<float*>(c.out())](const void* external, int64_t row) {
                    const auto* x = static_cast<const uint8_t*>(external) + row * e.w * k;
                    float* out = y + row * e.w * k;
                    for (int64_t w = 0; w < e.w; ++w) {
                      for (int64_t i = 0; i < k; ++i) out[w * k + i] = table[i * 256 + x[w * k + i]];
                    }
                  });
}

bool plain(const BindContext& c, const PlanTensor& t) {
  return c.layout == FloatLayout::kNhwc && t.storage == Storage::kF32;
}

}  // namespace

std::unique_ptr<BoundStep> bind_read(const BindContext& c) {
  const PlanTensor& t = c.view.out();
  const bool pictures = c.step().op == StepOp::kReadU8;
  expect(c.step(), pictures == (c.view.plan.input_mode == InputMode::kU8Nhwc), "reads another input than declared");
  expect(c.step(), t.channels == c.view.plan.input.channels, "channels differ from the input's");
  if (t.storage == Storage::kU8) return read_coded(c, pictures);
  if (pictures) {
    expect(c.step(), plain(c, t), "reads pictures into f32 NHWC tensors");
    return read_pictures(c);
  }
  const Extents e = c.view.out_extents();
  if (!plain(c, t)) {
    expect(c.step(), c.floats != nullptr, "needs the float library");
    FloatReorderProblem p{.to = float_tensor(t, e, c.layout), .from_plain = FloatPlain::kNchw};
    p.from = p.to;
    p.from.type = FloatType::kF32, p.from.layout = FloatLayout::kNhwc;
    return std::make_unique<ReadLibrary>(c.floats->reorder(p, c.threads), FloatArgs{.inputs = {nullptr}, .y = c.out()});
  }
  return plain_io(
      "read_f32_plain", true, e.n * e.h,
      [=, k = int64_t{t.channels}, y = reinterpret_cast<float*>(c.out())](const void* external, int64_t row) {
        const auto* x = static_cast<const float*>(external);
        for (int64_t i = 0; i < k; ++i) {
          const float* from = x + ((row / e.h * k + i) * e.h + row % e.h) * e.w;
          for (int64_t w = 0; w < e.w; ++w) y[(row * e.w + w) * k + i] = from[w];
        }
      });
}

std::unique_ptr<BoundStep> bind_write(const BindContext& c) {
  const PlanTensor& t = c.view.in(0);
  const Extents e = c.view.in_extents(0);
  if (t.storage == Storage::kU8) {
    const DequantizeProblem problem = dequantize_problem(c.view, DequantizeTarget::kF32Nchw);
    const DequantizeKernel& kernel = kernel_of(c.step(), dequantize_kernels(), problem);
    return std::make_unique<WriteCoded>(kernel, problem,
                                        DequantizeArgs{.x = reinterpret_cast<const uint8_t*>(c.in(0))});
  }
  if (!plain(c, t)) {
    expect(c.step(), c.floats != nullptr, "needs the float library");
    FloatReorderProblem p{.from = float_tensor(t, e, c.layout), .to_plain = FloatPlain::kNchw};
    p.to = p.from;
    p.to.type = FloatType::kF32, p.to.layout = FloatLayout::kNhwc;
    return std::make_unique<WriteLibrary>(c.floats->reorder(p, c.threads), FloatArgs{.inputs = {c.in(0)}});
  }
  return plain_io("write_f32_plain", false, e.n,
                  [=, k = int64_t{t.channels}, x = reinterpret_cast<const float*>(c.in(0))](void* external, int64_t n) {
                    auto* y = static_cast<float*>(external) + n * k * e.h * e.w;
                    const float* from = x + n * k * e.h * e.w;
                    if (e.h * e.w == 1) std::memcpy(y, from, static_cast<size_t>(k) * sizeof(float));
                    for (int64_t p = 0; p < e.h * e.w && e.h * e.w > 1; ++p) {
                      for (int64_t i = 0; i < k; ++i) y[i * e.h * e.w + p] = from[p * k + i];
                    }
                  });
}

// [N,H,W,C] -> [N, C H W]: values in the order of NCHW, pad bytes of the result at the zero point.
std::unique_ptr<BoundStep> bind_flatten(const BindContext& c) {
  const PlanTensor &x = c.view.in(0), &y = c.view.out();
  const int64_t positions = c.view.in_extents(0).h * c.view.in_extents(0).w, channels = x.channels;
  expect(c.step(), x.storage == y.storage && x.zero == y.zero && c.layout == FloatLayout::kNhwc, "changes no coding");
  expect(c.step(), channels * positions == y.channels, "values do not add up");
  const int64_t bytes = element_bytes(x.storage), from_pitch = pitch_of(x), to_pitch = pitch_of(y);
  return row_step("flatten_plain", c.view.out_extents().n, [=, from = c.in(0), to = c.out(), zero = x.zero](int64_t n) {
    const std::byte* source = from + n * positions * from_pitch * bytes;
    std::byte* target = to + n * to_pitch * bytes;
    for (int64_t p = 0; p < positions; ++p) {
      for (int64_t i = 0; i < channels; ++i) {
        std::memcpy(target + (i * positions + p) * bytes, source + (p * from_pitch + i) * bytes,
                    static_cast<size_t>(bytes));
      }
    }
    for (int64_t i = channels * positions; i < to_pitch; ++i) target[i] = static_cast<std::byte>(zero);
  });
}

}  // namespace qat::engine
