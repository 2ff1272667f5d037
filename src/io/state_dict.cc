// Loading a state dict into a graph, and making one: see state_dict.h.
#include "io/state_dict.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <unordered_map>

#include "io/range_names.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

constexpr std::string_view kBatches = "num_batches_tracked";

std::string list_text(const char* what, const std::vector<std::string>& names) {
  static constexpr size_t kShown = 6;
  if (names.empty()) return "";
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) shown.push_back(printable(names[i]));
  std::string text = cat(what, " ", names.size(), ": ", join(shown, ", "));
  if (names.size() > kShown) text += cat(" and ", names.size() - kShown, " more");
  return text;
}

Tensor filled(const Tensor& one, const Shape& shape) {
  Tensor result(one.type(), shape);
  const size_t element = size_of(one.type());
  auto* into = static_cast<std::byte*>(result.raw());
  for (size_t i = 0; i < static_cast<size_t>(result.size()); ++i) std::memcpy(into + i * element, one.raw(), element);
  return result;
}

// The file's tensor as the value wants it, in a buffer of its own; nothing when it does not fit.
std::optional<Tensor> adapt(const Tensor& tensor, const ir::Value& value, const Shape& shape) {
  if (tensor.type() != value.type && !(is_float(tensor.type()) && is_float(value.type))) return {};
  if (tensor.shape() == shape) return tensor.to(value.type);
  if (!is_range_name(value.name)) return {};
  if (tensor.size() == count(shape)) return tensor.to(value.type).reshaped(shape);
  if (tensor.size() == 1) return filled(tensor.to(value.type), shape);
  return {};
}

bool equal(const Tensor& a, const Tensor& b) { return std::memcmp(a.raw(), b.raw(), a.bytes()) == 0; }

void take_larger(Tensor& range, const Tensor& other) {
  const std::span<float> into = range.data<float>();
  const std::span<const float> from = other.data<float>();
  for (size_t i = 0; i < into.size(); ++i) into[i] = std::max(into[i], from[i]);
}

class Loader {
 public:
  Loader(ir::Graph& graph, const StateDict& state) : graph_(graph), state_(state), aliases_(range_aliases(graph)) {
    for (const auto& [name, tensor] : state) by_name_.emplace(name, &tensor);
  }

  LoadReport run() {
    for (ir::Value& value : graph_.values) {
      if (value.role != ir::Role::kActivation && !value.name.ends_with(kBatches)) load(value);
    }
    for (const auto& [name, tensor] : state_) {
      if (!used_.contains(name) && !name.ends_with(kBatches)) report_.unexpected.push_back(name);
    }
    return std::move(report_);
  }

 private:
  using Found = std::pair<std::string, const Tensor*>;

  // Under which of its names the file has the value.
  std::vector<Found> find(const std::string& name) {
    std::vector<std::string> names{name};
    if (const auto others = aliases_.find(name); others != aliases_.end())
      names.insert(names.end(), others->second.begin(), others->second.end());
    std::vector<Found> found;
    for (const std::string& each : names) {
      add_found(each, found);
      if (is_range_name(each)) add_found(other_spelling(each), found);
    }
    return found;
  }

  void add_found(const std::string& name, std::vector<Found>& found) {
    const auto at = by_name_.find(name);
    if (at == by_name_.end()) return;
    used_.insert(name);
    found.emplace_back(name, at->second);
  }

  void load(ir::Value& value) {
    const std::vector<Found> found = find(value.name);
    if (found.empty()) report_.missing.push_back(value.name);
    const Shape shape = value.data.defined() ? value.data.shape() : value.dims;
    std::optional<Tensor> merged;
    bool unequal = false;
    for (const auto& [name, tensor] : found) {
      std::optional<Tensor> fitting = adapt(*tensor, value, shape);
      if (!fitting) {
        report_.wrong_shape.push_back(cat(name, " (expected ", name_of(value.type), " ", to_string(shape), ", got ",
                                          name_of(tensor->type()), " ", to_string(tensor->shape()), ")"));
        return;
      }
      if (merged && !equal(*merged, *fitting)) {
        unequal = true;
        take_larger(*merged, *fitting);
      } else {
        merged = std::move(fitting);
      }
    }
    if (unequal) report_.warnings.push_back(cat(value.name, ": its consumers have different ranges; took the largest"));
    if (merged) value.data = std::move(*merged);
  }

  ir::Graph& graph_;
  const StateDict& state_;
  std::map<std::string, std::vector<std::string>> aliases_;
  std::unordered_map<std::string, const Tensor*> by_name_;
  std::set<std::string> used_;
  LoadReport report_;
};

// torchvision's name of a BatchNorm's counter, beside its running variance.
std::string counter_name(const ir::Graph& graph, const ir::Node& norm) {
  static constexpr std::string_view kVariance = "running_var";
  const std::string& variance = graph.value(norm.inputs.at(4)).name;
  if (!variance.ends_with(kVariance)) return cat(norm.name, ".", kBatches);
  return variance.substr(0, variance.size() - kVariance.size()) + std::string(kBatches);
}

}  // namespace

std::string LoadReport::text() const {
  std::vector<std::string> parts;
  for (const std::string& part : {list_text("missing", missing), list_text("unexpected", unexpected),
                                  list_text("wrong shape or type", wrong_shape)}) {
    if (!part.empty()) parts.push_back(part);
  }
  return join(parts, "; ");
}

LoadReport load_state_dict(ir::Graph& graph, const StateDict& state, bool strict) {
  LoadReport report = Loader(graph, state).run();
  if (strict && !report.clean())
    fail(Code::kBadFile, "the weights do not fit the network ", graph.name, ": ", report.text(),
         "; check the network's name, its number of classes and input channels");
  return report;
}

StateDict state_dict(const ir::Graph& graph) {
  std::map<ir::ValueId, std::string> counters;  // by the variance that they follow
  for (const ir::Node& node : graph.nodes) {
    if (node.op == ir::Op::kBatchNorm) counters.emplace(node.inputs.at(4), counter_name(graph, node));
  }
  const auto aliases = range_aliases(graph);
  StateDict state;
  for (size_t i = 0; i < graph.values.size(); ++i) {
    const ir::Value& value = graph.values[i];
    if (value.role == ir::Role::kActivation) continue;
    state.emplace_back(value.name, value.data);
    if (const auto others = aliases.find(value.name); others != aliases.end()) {
      for (const std::string& other : others->second) state.emplace_back(other, value.data);
    }
    if (const auto counter = counters.find(static_cast<ir::ValueId>(i)); counter != counters.end())
      state.emplace_back(counter->second, Tensor(DType::kI64, {}));
  }
  return state;
}

}  // namespace qat::io
