// State of the int8 lowering: a new graph grown node by node beside the old one. The rules are in lower_*.cc.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "base/threads.h"
#include "engine/compile/match.h"
#include "engine/compile/passes.h"

namespace qat::engine {

// A value of the old graph may exist in the new one as float, as int8, or both; each is made when first asked for.
class Lowering {
 public:
  Lowering(const ir::Graph& old, PassContext& context);

  ir::Graph run();

  const ir::Graph& old;
  const ir::Uses uses;
  PassContext& context;
  ir::Graph graph;
  ThreadPool pool{0};  // for the integers of large weights

  // The int8 form; kNone where there is none.
  ir::ValueId coded(ir::ValueId value) const { return value == ir::kNone ? ir::kNone : coded_[index(value)]; }
  const ir::QuantInfo& coding(ir::ValueId value) const { return *graph.value(coded(value)).quant; }
  // The float form; dequantizes where only int8 exists. Data is copied over, weights behind a FakeQuant as floats on
  // their grid.
  ir::ValueId as_float(ir::ValueId value);
  bool is_data(ir::ValueId value) const { return old.has_data(value); }

  // Records what a node of the old graph became.
  void set_float(ir::ValueId value, ir::ValueId now) { float_[index(value)] = now; }
  void set_coded(ir::ValueId value, ir::ValueId now) { coded_[index(value)] = now; }

  // The one coding that all readers of a value want it in; nothing where any reader wants floats or codings differ.
  std::optional<ir::QuantInfo> wanted(ir::ValueId value) const;
  // Why wanted() gives nothing, in words.
  std::string unwanted(ir::ValueId value) const;

  // Appends a node whose output has the coding `quant` (or floats), and records it as the form of `value`.
  ir::ValueId emit(ir::Op op, const std::string& name, std::vector<ir::ValueId> inputs, ir::Attrs attrs,
                   const std::optional<ir::QuantInfo>& quant, ir::ValueId value);

  // No value of it is negative.
  bool non_negative(ir::ValueId value) const;

  // Notes that a node stays in float, and why.
  void stays_float(const ir::Node& node, const std::string& why);

  // A node that an earlier one took in (an activation behind an Add): skipped when its turn comes.
  void skip(const ir::Node& node) { skipped_.insert(node.output); }

 private:
  static size_t index(ir::ValueId value) { return static_cast<size_t>(value); }
  void copy_node(const ir::Node& node);  // in float

  std::vector<ir::ValueId> float_, coded_;
  std::map<ir::ValueId, ir::ValueId> dequantized_;  // int8 form -> its float form, both in the new graph
  std::set<ir::ValueId> skipped_;
};

// Rules: true when the node was lowered to int8; false leaves it to float, the reason noted.
bool lower_fake_quant(Lowering& l, const ir::Node& node);
bool lower_layer(Lowering& l, const ir::Node& node);
bool lower_join(Lowering& l, const ir::Node& node);  // Add, Mul, Concat
bool lower_pool(Lowering& l, const ir::Node& node);
bool lower_view(Lowering& l, const ir::Node& node);   // Flatten, Reshape
bool lower_table(Lowering& l, const ir::Node& node);  // functions of one value

// The bounds that a clip (in units of the output's scale) and signs allow; a clip that became bounds is taken out of
// the epilogue: clamp(rne(clip(v))) == clamp'(rne(v)), because rounding is monotone.
ir::QuantInfo tighten(ir::QuantInfo quant, ir::Epilogue& epilogue, bool non_negative);

// A one-value clip, HardSwish or SiLU right behind `value`, its only reader; null otherwise.
const ir::Node* activation_behind(const Lowering& l, ir::ValueId value);

}  // namespace qat::engine
