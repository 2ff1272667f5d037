// The state of an import and what every operator's importer uses.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "io/onnx/import/names.h"
#include "io/onnx/import/slot.h"
#include "io/onnx/model.h"
#include "ir/graph.h"

namespace qat::onnxio {

// Thrown by an operator's importer; the walk collects them, so that a user sees all at once.
struct Unsupported {
  std::string reason;  // "" for an operator that is not known at all
};

class Importer {
 public:
  explicit Importer(const Model& model);

  ir::Graph graph;

  int64_t opset() const { return model_.opset; }
  const Model& model() const { return model_; }

  // ---- reading a node's inputs
  const Slot& slot(const Node& node, size_t input) const;
  // An activation; a known tensor becomes a parameter or buffer.
  ir::ValueId value(const Node& node, size_t input);
  // A tensor known at import, nullptr when it is not.
  const Known* known(const Node& node, size_t input) const;
  // The same, or Unsupported "<what> is not constant".
  const Known& constant(const Node& node, size_t input, const char* what) const;
  // Float and integer lists from constant inputs; a missing input gives the fallback.
  std::vector<float> floats(const Node& node, size_t input, const char* what) const;
  std::vector<int64_t> integers(const Node& node, size_t input, const char* what) const;

  bool is_read(const std::string& value) const { return read_.contains(value); }  // by a node or as an output

  // ---- making parameters
  struct Use {
    std::string name;  // for a name that an exporter made up ("onnx::Conv_12"); others are kept
    ir::Role role = ir::Role::kParameter;
    bool transpose = false;  // of two dimensions
    float factor = 1.0f;
  };
  // The tensor as a value, behind a FakeQuant when it has a grid. The same tensor used the same way is one value, with
  // a FakeQuant for each grid.
  ir::ValueId parameter(const Known& known, const Use& use);
  ir::ValueId fake_quant(ir::ValueId source, const Grid& grid, const std::string& name);
  // The same, but pairs of one grid on one tensor (exporters write one per reader) share a FakeQuant.
  ir::ValueId fake_quant_once(ir::ValueId source, const Grid& grid, const std::string& name);

  // Counts memory beyond the file's own tensors. Ends a file that makes much out of little with an Error(kBadFile).
  void charge(size_t bytes);

  // ---- making nodes
  std::string module(const Node& node) const;  // see Names; not yet unique
  std::string unique(const std::string& name) { return names_.unique(name); }
  ir::ValueId add(ir::Op op, const std::string& name, std::vector<ir::ValueId> inputs, ir::Attrs attrs = {});
  void set(const Node& node, Slot slot);  // of its first output
  // Dims of a value, as far as they are known.
  const ir::Dims& dims(ir::ValueId value);
  int64_t rank(ir::ValueId value) { return static_cast<int64_t>(dims(value).size()); }
  // Whether axis 0 of the value is the batch of the graph's input, whatever that is.
  bool is_batch(ir::ValueId value);

  void run();

 private:
  const Model& model_;
  Names names_;
  std::unordered_map<std::string, Slot> slots_;
  std::set<std::string> read_;
  std::map<std::string, ir::ValueId> made_;                              // parameters by name and use
  std::set<const void*> taken_;                                          // buffers that are a parameter's already
  std::unordered_map<ir::ValueId, size_t> producers_;                    // node positions
  std::unordered_map<ir::ValueId, bool> batches_;                        // what is_batch found
  std::multimap<ir::ValueId, std::pair<Grid, ir::ValueId>> quantizers_;  // by source
  std::vector<std::string> problems_;
  size_t inferred_nodes_ = 0;
  size_t budget_ = 64 << 20;  // bytes left to charge(); more with every byte of the file's tensors

  void add_input();
  Tensor parameter_data(const Known& known, const Use& use);
  void import_node(const Node& node);
  void add_outputs();
};

// Rows and columns of a matrix exchanged.
Tensor transposed(const Tensor& matrix);

// Axis counted from the end when negative; out of range is an Error(kBadFile).
int64_t normalize_axis(const Node& node, int64_t axis, int64_t rank);

}  // namespace qat::onnxio
