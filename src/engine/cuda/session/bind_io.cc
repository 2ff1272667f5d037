// Steps that only change coding, type or place: the border to the caller's memory, quantize, dequantize, flatten, pad
// and concatenation of float tensors. All are conversions (convert/convert.h).
#include "base/error.h"
#include "engine/cuda/session/sides.h"

namespace qat::cuda {

using engine::Extents;
using engine::PlanTensor;
using engine::StepOp;
using engine::Storage;

Element element_of(Storage storage) {
  return storage == Storage::kU8 ? Element::kU8 : storage == Storage::kF16 ? Element::kF16 : Element::kF32;
}

ConvertSide side_of(const PlanTensor& t, const Extents& e) {
  const int64_t pitch = tensor_pitch(t);
  return {.element = element_of(t.storage),
          .n = e.h * e.w * pitch,
          .c = 1,
          .h = e.w * pitch,
          .w = pitch,
          .scale = t.scale,
          .zero = t.zero,
          .lo = t.lo,
          .hi = t.hi};
}

ConvertSide nchw_side(int64_t channels, const Extents& e) {
  return {.n = channels * e.h * e.w, .c = e.h * e.w, .h = e.w, .w = 1};
}

ConvertProblem convert_problem(int64_t channels, const Extents& e, const ConvertSide& from, const ConvertSide& to) {
  const bool padded = to.element == Element::kF16 && to.c == 1;
  return {.from = from,
          .to = to,
          .batch = e.n,
          .channels = channels,
          .height = e.h,
          .width = e.w,
          .pad_channels = padded ? to.w - channels : 0};
}

BoundStep bound_convert(const BindContext& c, const ConvertProblem& problem, const ConvertArgs& args) {
  return bound(choose(convert_kernels(), problem, c.capability), problem, args);
}

BoundStep bind_read(const BindContext& c) {
  const PlanTensor& t = c.view.out();
  const Extents& e = c.view.out_extents();
  const bool pictures = c.step().op == StepOp::kReadU8;
  expect(c.step(), pictures == (c.view.plan.input_mode == engine::InputMode::kU8Nhwc),
         "reads another input than declared");
  expect(c.step(), t.channels == c.view.plan.input.channels, "channels differ from the input's");
  ConvertProblem p = convert_problem(t.channels, e, nchw_side(t.channels, e), side_of(t, e));
  ConvertArgs args{.x_slot = c.slots, .y = c.out()};
  if (pictures) {
    const bool coded = t.storage == Storage::kU8;
    p.from = {.element = Element::kU8, .n = e.h * e.w * t.channels, .c = 1, .h = e.w * t.channels, .w = t.channels};
    p.lookup = coded ? Lookup::kU8 : Lookup::kF32;
    args.table = c.blob(0, static_cast<size_t>(t.channels) * 256 * (coded ? 1 : sizeof(float)));
  }
  return bound_convert(c, p, args);
}

BoundStep bind_write(const BindContext& c) {
  if (written_as_it_lies(c.view)) return {.kernel = "copy"};
  const PlanTensor& t = c.view.in(0);
  const Extents& e = c.view.in_extents(0);
  const size_t writes = c.view.plan.outputs.size(), first = c.view.plan.steps.size() - writes;
  const auto index = static_cast<size_t>(&c.step() - c.view.plan.steps.data()) - first;
  return bound_convert(c, convert_problem(t.channels, e, side_of(t, e), nchw_side(t.channels, e)),
                       {.x = c.in(0), .y_slot = c.slots + 1 + index});
}

BoundStep bind_recode(const BindContext& c) {
  const PlanTensor &x = c.view.in(0), &y = c.view.out();
  const bool to_coded = c.step().op == StepOp::kQuantize;
  expect(c.step(), x.channels == y.channels, "channels differ");
  expect(c.step(), (x.storage != Storage::kU8) == to_coded && (y.storage == Storage::kU8) == to_coded,
         "codes float tensors, or decodes int8 ones");
  const Extents& e = c.view.out_extents();
  return bound_convert(c, convert_problem(x.channels, e, side_of(x, e), side_of(y, e)), {.x = c.in(0), .y = c.out()});
}

// [N,H,W,C] -> [N, C H W]: values in the order of NCHW.
BoundStep bind_flatten(const BindContext& c) {
  const PlanTensor &x = c.view.in(0), &y = c.view.out();
  const Extents& e = c.view.in_extents(0);
  expect(c.step(), x.storage == y.storage && x.zero == y.zero, "changes no coding");
  expect(c.step(), int64_t{x.channels} * e.h * e.w == y.channels, "values do not add up");
  ConvertProblem p = convert_problem(x.channels, e, side_of(x, e), nchw_side(x.channels, e));
  p.to.element = p.from.element;
  p.to.n = tensor_pitch(y);
  p.copies = true;
  return bound_convert(c, p, {.x = c.in(0), .y = c.out()});
}

BoundStep bind_float_concat(const BindContext& c) {
  const Extents& e = c.view.out_extents();
  const PlanTensor& y = c.view.out();
  std::vector<BoundStep> parts;
  int64_t offset = 0;
  for (size_t i = 0; i < c.step().inputs.size(); ++i) {
    const PlanTensor& x = c.view.in(i);
    expect(c.step(), x.storage == y.storage && y.storage != Storage::kU8, "needs float tensors of one type");
    ConvertProblem p = convert_problem(x.channels, e, side_of(x, e), side_of(y, e));
    p.copies = true;
    const bool last = i + 1 == c.step().inputs.size() && y.storage == Storage::kF16;
    p.pad_channels = last ? p.to.w - y.channels : 0;
    parts.push_back(bound_convert(c, p, {.x = c.in(i), .y = c.out() + offset * element_bytes(y.storage)}));
    offset += x.channels;
  }
  expect(c.step(), offset == y.channels, "channels do not add up");
  return {.kernel = "float_concat", .launch = [parts](void* workspace, cudaStream_t stream) {
            cudaError_t status = cudaSuccess;
            for (const BoundStep& part : parts)
              if (status == cudaSuccess) status = part.launch(workspace, stream);
            return status;
          }};
}

}  // namespace qat::cuda
