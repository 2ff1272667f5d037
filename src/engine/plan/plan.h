// The compiled engine: flat data that a session runs, no code and nothing of graphs or ONNX in it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu.h"
#include "base/qmath.h"

namespace qat::engine {

// What a plan is compiled for.
enum class Device : uint8_t { kCpu, kCuda };

// How a tensor lies in memory: always NHWC; [N,C] tensors have H = W = 1.
//   kU8   x = (u8 - zero) * scale, pitch round_up(C, 4) bytes a pixel, pad channels hold `zero`
//   kF32  pitch C
//   kBF16 pitch C, CPU only
//   kF16  pitch round_up(C, 8) elements, GPU only
// Pitches are the CPU's; engine/cuda/kernel.h has the GPU's.
enum class Storage : uint8_t { kU8, kF32, kBF16, kF16 };

// A range of the plan's bytes: 256-byte aligned, relative to Plan::blobs. size 0: absent.
struct Blob {
  uint64_t offset = 0;
  uint64_t size = 0;
};

struct PlanTensor {
  std::string name;
  Storage storage = Storage::kU8;
  uint8_t rank = 4;      // of the graph's tensor: 4 for [N,C,H,W], 2 for [N,C]
  int32_t channels = 1;  // C
  float scale = 1.0f;    // kU8 only, as zero, lo and hi
  int32_t zero = 0;      // storage zero point
  int32_t lo = 0;        // stored values lie in lo..hi
  int32_t hi = 255;
  Blob constant;  // f32 data of a constant [C] or [1]
};

enum class StepOp : uint8_t {
  // From and to the caller's memory.
  kReadF32,  // f32 [N,C,H,W] -> u8 or float tensor
  kReadU8,  // u8 [N,H,W,C] -> u8 or float tensor, through a table of 256 entries a channel (blob 0: u8 or f32 [C][256])
  kWriteF32,  // any tensor -> f32 [N,C,H,W] or [N,C]
  // Changes of coding.
  kQuantize,    // float -> u8
  kDequantize,  // u8 -> float
  // int8, exact by base/qmath.h. Blobs: 0 packed weights, 1 multipliers M, 2 biases B (f32 [K] each).
  kConv,  // inputs: x, [skip]
  kGemm,  // inputs: x, [skip]
  kAdd,
  kMul,
  kMaxPool,
  kAvgPool,
  kGlobalAvgPool,
  kConcat,
  kLut,  // blob 0: u8 [256]
  // Float. Blobs as above: 0 packed weights, 1 bias (f32 [K]).
  kFloatConv,
  kFloatGemm,
  kFloatConvTranspose,
  kFloatMaxPool,
  kFloatAvgPool,
  kFloatGlobalAvgPool,
  kFloatConcat,
  kFloatBinary,  // numpy broadcasting over N, H, W, C; kind: FloatFunction
  kFloatUnary,   // kind: FloatFunction
  kFloatSoftmax,
  kFloatPad,
  // Any storage.
  kFlatten,  // NHWC -> [N, C H W] in NCHW order
  kCount
};

// What kFloatUnary and kFloatBinary compute; p0, p1 as base/qmath.h's Activation has them.
enum class FloatFunction : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,   // binary
  kClip,  // p0, p1
  kSigmoid,
  kHardSigmoid,  // p0 = alpha, p1 = beta
  kHardSwish,
  kSilu,
  kLeakyRelu,  // p0 = alpha
  kTanh,
  kCount
};

// Is the result of an int8 layer rounded before its skip is added, and which operand of the addition is it?
// (engine/cpu/epilogue.h)
enum class Middle : uint8_t { kNone, kFirst, kSecond };

struct StepAttrs {
  std::array<int32_t, 2> kernel{1, 1};
  std::array<int32_t, 2> stride{1, 1};
  std::array<int32_t, 4> pads{0, 0, 0, 0};  // top, left, bottom, right
  std::array<int32_t, 2> dilation{1, 1};
  std::array<int32_t, 2> output_padding{0, 0};
  int32_t groups = 1;
  bool ceil_mode = false;
  bool count_include_pad = false;
  FloatFunction function = FloatFunction::kAdd;
  Activation activation = Activation::kNone;
  float p0 = 0, p1 = 0;
  float skip_scale = 1;  // R
  Middle middle = Middle::kNone;
  float middle_scale = 1;
  int32_t middle_lo = 0, middle_hi = 0;  // less the zero point
  float value = 0;                       // kFloatPad
  int32_t sum_bits = 32;                 // of an int8 layer's sums (cpu/conv/conv.h)
  double pool_scale = 1;                 // s_x / s_y, before the division by the window's count
  std::vector<float> scales;             // requantization of kAdd, kMul, kConcat (ir/ops.h, RequantAttrs)
};

struct Step {
  StepOp op = StepOp::kReadF32;
  std::string name;    // the layer, e.g. "layer1.0.conv1"
  std::string fused;   // what went into it, e.g. "layer1.0.conv1 + bn1 + relu"
  std::string kernel;  // e.g. "conv_s8_6x64_avx512vnni"; "" where an op has one form only
  StepAttrs attrs;
  std::vector<int32_t> inputs;  // tensors; -1: the caller's memory
  int32_t output = -1;          // tensor; -1: the caller's memory
  std::array<Blob, 3> blobs;
};

// Steps [first, last) that run depth first: some images go through all of them before the next ones start, so that what
// one step writes is still in cache when the next one reads it.
struct StepGroup {
  int32_t first = 0, last = 0;
  int32_t images = 1;
};

enum class InputMode : uint8_t { kF32Nchw, kU8Nhwc };

struct Binding {
  std::string name;
  int32_t channels = 1;
  uint8_t rank = 4;
};

// Extents of the input, [N,C,H,W].
using InputShape = std::array<int64_t, 4>;

struct Profile {
  InputShape min{1, 1, 1, 1}, opt{1, 1, 1, 1}, max{1, 1, 1, 1};
};

struct Plan {
  std::string rebuild;    // the command that makes this engine again
  std::string network;    // "resnet50"
  std::string precision;  // fp32 | bf16 | fp16 | int8 | best
  Device device = Device::kCpu;
  int32_t compute_capability = 0;  // kCuda: of the GPU it was built on, 90 for 9.0; it runs on that one only
  Isa isa = Isa::kPortable;        // kCpu: what the machine must have
  bool needs_avx512_bf16 = false;
  bool placeholder = false;  // scales are not calibrated: latency only
  InputMode input_mode = InputMode::kF32Nchw;
  Binding input;
  std::vector<Binding> outputs;
  Profile profile;
  std::map<std::string, std::string> metadata;
  std::vector<PlanTensor> tensors;
  std::vector<Step> steps;          // in the order of execution; the last ones write the outputs in their order
  std::vector<StepGroup> schedule;  // kCpu: ordered, disjoint; the other steps run over the whole batch
  std::span<const std::byte> blobs;
  std::shared_ptr<void> owner;  // keeps blobs alive: a mapping or a buffer

  std::span<const std::byte> bytes(const Blob& blob) const { return blobs.subspan(blob.offset, blob.size); }
};

inline constexpr int64_t kBlobAlign = 256;  // what GPU kernels ask for; CPU kernels need 64

// How a rebuild command says that it is for a GPU; without it the command builds for the CPU.
inline constexpr std::string_view kCudaOverride = " BUILD.DEVICE=cuda";

std::string_view name_of(StepOp op);         // "conv", "float_gemm", ...
std::string_view name_of(FloatFunction f);   // "add", "sigmoid", ...
std::string_view name_of(Device device);     // "cpu", "cuda"
bool runs_in_tiles(StepOp op);               // may stand in a group of the schedule: int8, image by image
std::string_view precision_of(Storage s);    // "int8", "fp32", "bf16", "fp16"
int64_t pitch_of(const PlanTensor& tensor);  // elements a pixel
int64_t element_bytes(Storage storage);

// Mean and deviation of x / 255 that an engine of InputMode::kU8Nhwc has built in, from its metadata: each one value,
// or one per channel. Throws Error(kBadFile) where it lacks them.
struct PictureNormalization {
  std::vector<double> mean, std;
};
PictureNormalization picture_normalization(const Plan& plan);

// Checks every index, enumeration, extent and blob range, that each tensor is written once before it is read, and
// picture_normalization(). Throws Error(kBadFile) naming the step.
void validate(const Plan& plan);

}  // namespace qat::engine
