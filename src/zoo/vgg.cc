// VGG-16 with batch normalization (Simonyan and Zisserman 2014), as torchvision has it.
#include "zoo/builder.h"
#include "zoo/nets.h"

namespace qat::zoo {

using ir::Op;
using ir::ValueId;

ir::Graph vgg16_bn(const NetOptions& options) {
  constexpr int64_t kPool = 0;
  constexpr int64_t kPlan[] = {64,    64,  kPool, 128, 128,   kPool, 256, 256, 256,
                               kPool, 512, 512,   512, kPool, 512,   512, 512, kPool};
  const auto fits = [](int64_t extent) { return extent == ir::kDynamic || extent == 224; };
  if (!fits(options.height) || !fits(options.width))
    fail(Code::kUsage, "[vgg16_bn] expected images of 224x224, got ", options.height, "x", options.width,
         ": its first linear layer is fixed to 512x7x7; choose another network for other sizes");
  Builder b("vgg16_bn");
  ValueId x = b.input("input", {ir::kDynamic, options.in_channels, 224, 224});
  int64_t in = options.in_channels;
  int index = 0;  // features.N counts convolutions, norms, activations and pools alike
  for (const int64_t out : kPlan) {
    if (out == kPool) {
      x = b.node(Op::kMaxPool, cat("features.", index++), {x}, ir::PoolAttrs{.kernel = {2, 2}, .stride = {2, 2}});
      continue;
    }
    x = b.conv(cat("features.", index), x, {.in = in, .out = out, .bias = true});
    x = b.norm(cat("features.", index + 1), x, out);
    x = b.node(Op::kRelu, cat("features.", index + 2), {x});
    index += 3;
    in = out;
  }
  x = b.node(Op::kFlatten, "flatten", {x}, ir::AxisAttrs{.axis = 1});
  x = b.node(Op::kRelu, "classifier.1", {b.linear("classifier.0", x, 512 * 7 * 7, 4096)});
  x = b.node(Op::kDropout, "classifier.2", {x}, ir::DropoutAttrs{.p = 0.5f});
  x = b.node(Op::kRelu, "classifier.4", {b.linear("classifier.3", x, 4096, 4096)});
  x = b.node(Op::kDropout, "classifier.5", {x}, ir::DropoutAttrs{.p = 0.5f});
  return b.finish(b.linear("classifier.6", x, 4096, options.classes));
}

}  // namespace qat::zoo
