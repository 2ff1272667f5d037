// Graphs as a readable table, and the names of enumerators that tables and JSON share.
#include <iomanip>
#include <sstream>

#include "ir/attr_fields.h"
#include "ir/op_table.h"
#include "ir/print.h"
#include "ir/shapes.h"

namespace qat::ir {

std::string_view name_of(RangeKind kind) { return kind == RangeKind::kAmax ? "amax" : "scale"; }

std::string_view name_of(Role role) {
  constexpr std::string_view kNames[] = {"activation", "parameter", "buffer"};
  return kNames[static_cast<size_t>(role)];
}

std::string_view name_of(Activation activation) {
  constexpr std::string_view kNames[] = {"none", "clip", "hard_swish", "silu"};
  return kNames[static_cast<size_t>(activation)];
}

namespace {

std::string text_of(bool x) { return x ? "yes" : "no"; }
std::string text_of(float x) { return cat(x); }
std::string text_of(double x) { return cat(x); }
std::string text_of(int x) { return cat(x); }
std::string text_of(int64_t x) { return cat(x); }
std::string text_of(RangeKind x) { return std::string(name_of(x)); }
std::string text_of(Activation x) { return std::string(name_of(x)); }
template <class Range>
std::string text_of(const Range& items) {
  return join(items, ",");
}

// Only what differs from the defaults: "stride=2,2 pads=1,1,1,1".
std::string attrs_text(const Attrs& attrs) {
  return std::visit(
      [](const auto& a) {
        std::vector<std::string> defaults, parts;
        std::remove_cvref_t<decltype(a)> blank{};
        fields(blank, [&](const char*, const auto& field) { defaults.push_back(text_of(field)); });
        size_t i = 0;
        fields(a, [&](const char* name, const auto& field) {
          const std::string text = text_of(field);
          if (text != defaults[i++]) parts.push_back(cat(name, "=", text));
        });
        return join(parts, " ");
      },
      attrs);
}

std::string value_text(const Graph& graph, ValueId id) {
  if (id == kNone) return "-";
  const Value& value = graph.value(id);
  return value.role == Role::kActivation ? value.name : cat(value.name, "[", to_text(value.dims), "]");
}

}  // namespace

std::string to_table(const Graph& graph) {
  std::vector<std::array<std::string, 5>> rows{{"node", "op", "output", "inputs", "attributes"}};
  for (const ValueId id : graph.inputs) rows.push_back({graph.value(id).name, "Input", to_text(graph.value(id).dims)});
  for (const Node& node : graph.nodes) {
    std::vector<std::string> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(value_text(graph, id));
    rows.push_back({node.name, std::string(name_of(node.op)), to_text(graph.value(node.output).dims),
                    join(inputs, ", "), attrs_text(node.attrs)});
  }
  std::array<size_t, 3> widths{};
  for (const auto& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::ostringstream out;
  for (const auto& row : rows) {
    for (size_t i = 0; i < widths.size(); ++i) out << std::left << std::setw(static_cast<int>(widths[i]) + 2) << row[i];
    out << row[3] << (row[4].empty() ? "" : "  ") << row[4] << '\n';
  }
  return out.str();
}

}  // namespace qat::ir
