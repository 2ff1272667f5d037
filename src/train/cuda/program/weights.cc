// A table on the host, its image on the device: see weights.h.
#include "train/cuda/program/weights.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ir/graph.h"

namespace qat::train::cuda {

namespace {

using ir::kNone;
using ir::ValueId;

constexpr int64_t kAlign = 128;  // bytes, of each copy

// [K, C, R, S], [K, C] or anything else as one row.
Weight shape_of(const ir::Dims& dims, int64_t size) {
  Weight w{.dim0 = 1, .dim1 = static_cast<int32_t>(size), .pixels = 1};
  if (dims.size() == 4 || dims.size() == 2) {
    w.dim0 = static_cast<int32_t>(dims[0]), w.dim1 = static_cast<int32_t>(dims[1]);
    if (dims.size() == 4) w.pixels = static_cast<int32_t>(dims[2] * dims[3]);
  }
  w.pitch = w.dim1;
  return w;
}

at::Tensor view_of(void* data, const Weight& w, const ir::Dims& dims, const Target& target) {
  std::vector<int64_t> sizes(dims.begin(), dims.end());
  if (sizes.size() != 4) return at::from_blob(data, sizes, target.activation());
  const std::vector<int64_t> strides{w.pixels * int64_t{w.pitch}, 1, sizes[3] * w.pitch, w.pitch};
  return at::from_blob(data, sizes, strides, target.activation());
}

const ir::Node* quantizer_making(const ir::Graph& graph, ValueId id) {
  for (const ir::Node& node : graph.nodes) {
    if (node.output == id && node.op == ir::Op::kFakeQuant && graph.has_data(node.inputs[0])) return &node;
  }
  return nullptr;
}

int64_t aligned(int64_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

}  // namespace

Weights::Weights(ir::Graph& graph, const Leaves& leaves, const std::vector<ValueId>& read, WeightRangeMode ranges,
                 const Target& target)
    : device_(target.device) {
  for (ValueId id : read) add(graph, leaves, id, ranges);
  allocate(graph, target);
  const std::vector<WeightChunk> chunks = weight_chunks(table_);
  for (size_t i = 0; i < chunks.size(); ++i) {
    while (first_chunk_.size() <= static_cast<size_t>(chunks[i].weight))
      first_chunk_.push_back(static_cast<int64_t>(i));
  }
  first_chunk_.resize(table_.size() + 1, static_cast<int64_t>(chunks.size()));
  chunks_ = to_device(chunks, device_);
  device_table_ = to_device(table_, device_);
}

void Weights::add(ir::Graph& graph, const Leaves& leaves, ValueId id, WeightRangeMode ranges) {
  const ir::Node* quantizer = quantizer_making(graph, id);
  const ValueId leaf = quantizer == nullptr ? id : quantizer->inputs[0];
  const ir::Value& value = graph.value(leaf);
  for (const Copy& copy : copies_) {
    if (copy.leaf == leaf) fail(Code::kBadFile, "[", value.name, "] is read in two ways; train with --device cpu");
  }
  Weight w = shape_of(value.data.shape(), value.data.size());
  w.master = leaves.value(leaf);
  w.gradient = leaves.gradient(leaf);
  copies_.push_back(
      {.value = id, .leaf = leaf, .range = quantizer == nullptr ? kNone : quantizer->inputs[1], .tensor = {}});
  table_.push_back(w);
  if (quantizer != nullptr) add_quantizer(graph, leaves, *quantizer, ranges);
}

void Weights::add_quantizer(ir::Graph& graph, const Leaves& leaves, const ir::Node& node, WeightRangeMode ranges) {
  if (node.inputs.size() > 2 && node.inputs[2] != kNone) {
    fail(Code::kBadFile, "[FakeQuant ", node.name, "] has a zero point: it can be evaluated, not trained");
  }
  Weight& w = table_.back();
  const Quantizer q = quantizer_of(graph, node);
  w.range = leaves.value(node.inputs[1]);
  w.axis = q.axis, w.lo = q.lo, w.hi = q.hi;
  w.unit = q.kind == ir::RangeKind::kAmax ? 127.0f : 1.0f;
  w.follow = ranges == WeightRangeMode::kStep;
  if (ranges != WeightRangeMode::kLearned) return;
  w.range_gradient = leaves.gradient(node.inputs[1]);
  const double slice = static_cast<double>(leaves.of(node.inputs[0]).size) / static_cast<double>(q.channels);
  w.range_factor = static_cast<double>(w.unit) / std::sqrt(slice * q.hi);
}

void Weights::allocate(const ir::Graph& graph, const Target& target) {
  const int64_t element = target.type == Type::kBF16 ? 2 : 4;
  const auto copy_bytes = [&](const Weight& w) { return aligned(int64_t{w.dim0} * w.pixels * w.pitch * element); };
  // A range that follows its weight clamps nothing: no mask.
  const auto mask_bytes = [&](const Weight& w) {
    const int64_t size = int64_t{w.dim0} * w.dim1 * w.pixels;
    return w.range == nullptr || w.follow ? 0 : aligned((size + 7) / 8);
  };
  int64_t bytes = 0, masks = 0;
  for (const Weight& w : table_) bytes += copy_bytes(w), masks += mask_bytes(w);
  buffer_ = at::zeros({bytes}, target.bytes()), masks_ = at::zeros({masks}, target.bytes());
  uint8_t *copy = buffer_.data_ptr<uint8_t>(), *mask = masks_.data_ptr<uint8_t>();
  for (size_t i = 0; i < table_.size(); ++i) {
    Weight& w = table_[i];
    w.copy = copy, copy += copy_bytes(w);
    if (mask_bytes(w) > 0) w.mask = mask, mask += mask_bytes(w);
    copies_[i].tensor = view_of(w.copy, w, graph.value(copies_[i].leaf).data.shape(), target);
  }
}

WeightsArgs Weights::args(const Target& target, const at::Tensor& table, Part part) const {
  return {.type = target.type,
          .weights = table_of<Weight>(table),
          .chunks = table_of<WeightChunk>(chunks_) + first_chunk_[part.first],
          .chunk_count = first_chunk_[part.end] - first_chunk_[part.first]};
}

std::vector<ValueId> Weights::values() const {
  std::vector<ValueId> ids;
  for (const Copy& copy : copies_) ids.push_back(copy.value);
  return ids;
}

std::vector<ValueId> Weights::leaves_of(size_t copy) const {
  std::vector<ValueId> ids{copies_[copy].leaf};
  if (copies_[copy].range != kNone) ids.push_back(copies_[copy].range);
  return ids;
}

void Weights::quantize(const Target& target, Tape& tape) const {
  if (table_.empty()) return;
  target.kernels.quantize_weights(args(target, device_table_, all()), target.stream);
  for (const Copy& copy : copies_) tape.value(copy.value) = copy.tensor;
}

void Weights::gradients(const Target& target, Tape& tape, Part part, const at::Tensor& captured) {
  if (part.first == part.end) return;
  std::vector<at::Tensor> alive;
  bool moved = false;
  for (size_t i = part.first; i < part.end; ++i) {
    const at::Tensor g = tape.take_gradient(copies_[i].value);
    const void* data = table_[i].gradient != nullptr && g.defined() ? g.const_data_ptr() : nullptr;
    moved = moved || data != table_[i].copy_gradient;
    table_[i].copy_gradient = data;
    alive.push_back(g);
  }
  if (moved && !captured.defined()) publish(device_table_);
  target.kernels.weight_gradients(args(target, captured.defined() ? captured : device_table_, part), target.stream);
}

void Weights::publish(at::Tensor table) const { table.copy_(to_device(table_, at::kCPU)); }

}  // namespace qat::train::cuda
