// Field by field, in one order for both directions: see directory.h.
#include "engine/plan/directory.h"

namespace qat::engine {

namespace {

void write_attrs(const StepAttrs& a, WireWriter& out) {
  out.put(a.kernel), out.put(a.stride), out.put(a.pads), out.put(a.dilation), out.put(a.output_padding);
  out.put(a.groups);
  out.put(static_cast<uint8_t>(a.ceil_mode)), out.put(static_cast<uint8_t>(a.count_include_pad));
  out.put(static_cast<uint8_t>(a.function)), out.put(static_cast<uint8_t>(a.activation));
  out.put(a.p0), out.put(a.p1), out.put(a.skip_scale), out.put(a.value), out.put(a.pool_scale);
  out.put(static_cast<uint8_t>(a.middle)), out.put(a.middle_scale), out.put(a.middle_lo), out.put(a.middle_hi);
  out.put(a.sum_bits);
  out.put(static_cast<uint32_t>(a.scales.size()));
  for (const float scale : a.scales) out.put(scale);
}

StepAttrs read_attrs(WireReader& in) {
  StepAttrs a;
  a.kernel = in.get<std::array<int32_t, 2>>();
  a.stride = in.get<std::array<int32_t, 2>>();
  a.pads = in.get<std::array<int32_t, 4>>();
  a.dilation = in.get<std::array<int32_t, 2>>();
  a.output_padding = in.get<std::array<int32_t, 2>>();
  a.groups = in.get<int32_t>();
  a.ceil_mode = in.flag();
  a.count_include_pad = in.flag();
  a.function = static_cast<FloatFunction>(in.below<uint8_t>(static_cast<uint64_t>(FloatFunction::kCount)));
  a.activation = static_cast<Activation>(in.below<uint8_t>(static_cast<uint64_t>(Activation::kSilu) + 1));
  a.p0 = in.get<float>();
  a.p1 = in.get<float>();
  a.skip_scale = in.get<float>();
  a.value = in.get<float>();
  a.pool_scale = in.get<double>();
  a.middle = static_cast<Middle>(in.below<uint8_t>(static_cast<uint64_t>(Middle::kSecond) + 1));
  a.middle_scale = in.get<float>();
  a.middle_lo = in.get<int32_t>();
  a.middle_hi = in.get<int32_t>();
  a.sum_bits = in.get<int32_t>();
  a.scales.resize(in.length(sizeof(float)));
  for (float& scale : a.scales) scale = in.get<float>();
  return a;
}

void write_tensor(const PlanTensor& t, WireWriter& out) {
  out.put(t.name);
  out.put(static_cast<uint8_t>(t.storage)), out.put(t.rank), out.put(t.channels);
  out.put(t.scale), out.put(t.zero), out.put(t.lo), out.put(t.hi), out.put(t.constant);
}

PlanTensor read_tensor(WireReader& in) {
  PlanTensor t;
  t.name = in.text();
  t.storage = static_cast<Storage>(in.below<uint8_t>(4));
  t.rank = in.below<uint8_t>(5);
  t.channels = in.get<int32_t>();
  t.scale = in.get<float>();
  t.zero = in.get<int32_t>();
  t.lo = in.get<int32_t>();
  t.hi = in.get<int32_t>();
  t.constant = in.get<Blob>();
  return t;
}

void write_step(const Step& s, WireWriter& out) {
  out.put(static_cast<uint8_t>(s.op));
  out.put(s.name), out.put(s.fused), out.put(s.kernel);
  write_attrs(s.attrs, out);
  out.put(static_cast<uint32_t>(s.inputs.size()));
  for (const int32_t id : s.inputs) out.put(id);
  out.put(s.output), out.put(s.blobs);
}

Step read_step(WireReader& in) {
  Step s;
  s.op = static_cast<StepOp>(in.below<uint8_t>(static_cast<uint64_t>(StepOp::kCount)));
  s.name = in.text();
  s.fused = in.text();
  s.kernel = in.text();
  s.attrs = read_attrs(in);
  s.inputs.resize(in.length(sizeof(int32_t)));
  for (int32_t& id : s.inputs) id = in.get<int32_t>();
  s.output = in.get<int32_t>();
  s.blobs = in.get<std::array<Blob, 3>>();
  return s;
}

void write_binding(const Binding& b, WireWriter& out) { out.put(b.name), out.put(b.channels), out.put(b.rank); }

Binding read_binding(WireReader& in) {
  Binding b;
  b.name = in.text();
  b.channels = in.get<int32_t>();
  b.rank = in.below<uint8_t>(5);
  return b;
}

}  // namespace

void write_directory(const Plan& plan, WireWriter& out) {
  out.put(plan.rebuild);  // first in every version
  out.put(plan.network), out.put(plan.precision);
  out.put(static_cast<uint8_t>(plan.device)), out.put(plan.compute_capability);
  out.put(static_cast<uint8_t>(plan.needs_avx512_bf16)), out.put(static_cast<uint8_t>(plan.placeholder));
  out.put(static_cast<uint8_t>(plan.input_mode));
  out.put(plan.profile);
  write_binding(plan.input, out);
  out.put(static_cast<uint32_t>(plan.outputs.size()));
  for (const Binding& output : plan.outputs) write_binding(output, out);
  out.put(static_cast<uint32_t>(plan.metadata.size()));
  for (const auto& [key, value] : plan.metadata) out.put(key), out.put(value);
  out.put(static_cast<uint32_t>(plan.tensors.size()));
  for (const PlanTensor& tensor : plan.tensors) write_tensor(tensor, out);
  out.put(static_cast<uint32_t>(plan.steps.size()));
  for (const Step& step : plan.steps) write_step(step, out);
  out.put(static_cast<uint32_t>(plan.schedule.size()));
  for (const StepGroup& group : plan.schedule) out.put(group);
}

void read_directory(WireReader& in, Plan& plan) {
  plan.rebuild = in.text();
  plan.network = in.text();
  plan.precision = in.text();
  plan.device = static_cast<Device>(in.below<uint8_t>(2));
  plan.compute_capability = in.get<int32_t>();
  plan.needs_avx512_bf16 = in.flag();
  plan.placeholder = in.flag();
  plan.input_mode = static_cast<InputMode>(in.below<uint8_t>(2));
  plan.profile = in.get<Profile>();
  plan.input = read_binding(in);
  plan.outputs.resize(in.length(9));
  for (Binding& output : plan.outputs) output = read_binding(in);
  for (size_t n = in.length(8); n > 0; --n) {
    std::string key = in.text();
    plan.metadata[std::move(key)] = in.text();
  }
  plan.tensors.resize(in.length(42));
  for (PlanTensor& tensor : plan.tensors) tensor = read_tensor(in);
  plan.steps.resize(in.length(100));
  for (Step& step : plan.steps) step = read_step(in);
  plan.schedule.resize(in.length(sizeof(StepGroup)));
  for (StepGroup& group : plan.schedule) group = in.get<StepGroup>();
}

}  // namespace qat::engine
