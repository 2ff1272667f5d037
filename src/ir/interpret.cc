// The reference interpreter: walks the graph in order, one evaluation a node, and frees what is read no more.
#include "ir/interpret.h"

#include <array>

#include "ir/evaluate.h"
#include "ir/op_table.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::ir {

namespace {

using Functions = std::array<EvalFunction, static_cast<size_t>(Op::kFGemm) + 1>;

Functions float_functions() {
  Functions table{};
  const auto set = [&](EvalFunction function, std::initializer_list<Op> ops) {
    for (const Op op : ops) table[static_cast<size_t>(op)] = function;
  };
  set(eval_conv, {Op::kConv});
  set(eval_conv_transpose, {Op::kConvTranspose});
  set(eval_gemm, {Op::kGemm});
  set(eval_batch_norm, {Op::kBatchNorm});
  set(eval_fake_quant, {Op::kFakeQuant});
  set(eval_unary,
      {Op::kRelu, Op::kClip, Op::kSigmoid, Op::kHardSigmoid, Op::kHardSwish, Op::kSilu, Op::kLeakyRelu, Op::kTanh});
  set(eval_binary, {Op::kAdd, Op::kSub, Op::kMul, Op::kDiv});
  set(eval_softmax, {Op::kSoftmax});
  set(eval_max_pool, {Op::kMaxPool});
  set(eval_avg_pool, {Op::kAvgPool});
  set(eval_mean, {Op::kGlobalAvgPool, Op::kReduceMean});
  set(eval_copy, {Op::kFlatten, Op::kReshape, Op::kIdentity, Op::kDropout});
  set(eval_concat, {Op::kConcat});
  set(eval_transpose, {Op::kTranspose});
  set(eval_pad, {Op::kPad});
  return table;
}

// Where each activation is read for the last time; outputs are never freed.
std::vector<NodeId> last_reads(const Graph& graph) {
  std::vector<NodeId> last(graph.values.size(), kNone);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    last[static_cast<size_t>(graph.nodes[i].output)] = static_cast<NodeId>(i);
    for (const ValueId id : graph.nodes[i].inputs) {
      if (id != kNone) last[static_cast<size_t>(id)] = static_cast<NodeId>(i);
    }
  }
  for (const ValueId id : graph.outputs) last[static_cast<size_t>(id)] = static_cast<NodeId>(graph.nodes.size());
  return last;
}

class Interpreter {
 public:
  Interpreter(const Graph& graph, const std::vector<Tensor>& inputs, InterpretOptions options)
      : graph_(graph), options_(options), pool_(options.threads), tensors_(graph.values.size()) {
    verify(graph_);
    std::vector<Dims> dims;
    dims.reserve(inputs.size());
    for (const Tensor& input : inputs) dims.push_back(input.shape());
    infer_shapes(graph_, dims);
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Value& value = graph_.value(graph_.inputs[i]);
      if (inputs[i].type() != value.type)
        fail(Code::kBadFile, "[input ", value.name, "] expected ", name_of(value.type), ", got ",
             name_of(inputs[i].type()));
      tensors_[static_cast<size_t>(graph_.inputs[i])] = inputs[i];
    }
  }

  InterpretResult run() {
    const Uses uses(graph_);
    const std::vector<NodeId> last = last_reads(graph_);
    for (size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      evaluate(node, uses);
      if (options_.keep_all) continue;
      for (const ValueId id : node.inputs) {
        if (id != kNone && last[static_cast<size_t>(id)] == static_cast<NodeId>(i))
          tensors_[static_cast<size_t>(id)] = {};
      }
    }
    InterpretResult result;
    for (const ValueId id : graph_.outputs) result.outputs.push_back(tensor(id));
    for (size_t id = 0; options_.keep_all && id < tensors_.size(); ++id) {
      if (tensors_[id].defined()) result.activations[static_cast<ValueId>(id)] = tensors_[id];
    }
    return result;
  }

 private:
  const Tensor& tensor(ValueId id) const {
    return graph_.has_data(id) ? graph_.value(id).data : tensors_[static_cast<size_t>(id)];
  }

  void evaluate(const Node& node, const Uses& uses) {
    const Value& value = graph_.value(node.output);
    Tensor output(value.type, value.dims);
    EvalContext context{.graph = graph_, .node = node, .output = output, .pool = pool_};
    for (const ValueId id : node.inputs) {
      const NodeId producer = id == kNone ? kNone : uses.producer[static_cast<size_t>(id)];
      context.inputs.push_back(id == kNone ? nullptr : &tensor(id));
      context.producers.push_back(producer == kNone ? nullptr : &graph_.nodes[static_cast<size_t>(producer)]);
    }
    const EvalFunction function = eval_function(node.op);
    QAT_ASSERT(function != nullptr);
    function(context);
    tensors_[static_cast<size_t>(node.output)] = std::move(output);
  }

  Graph graph_;  // shares the caller's data
  InterpretOptions options_;
  ThreadPool pool_;
  std::vector<Tensor> tensors_;  // by value, activations only
};

}  // namespace

EvalFunction& eval_function(Op op) {
  static Functions table = float_functions();
  return table.at(static_cast<size_t>(op));
}

InterpretResult interpret(const Graph& graph, const std::vector<Tensor>& inputs, InterpretOptions options) {
  return Interpreter(graph, inputs, options).run();
}

}  // namespace qat::ir
