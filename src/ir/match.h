// Questions that several rooms ask of a graph. uses: of the graph as it is.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// The node that makes a value; null for inputs, data and kNone.
const Node* producer(const Graph& graph, const Uses& uses, ValueId value);

// The only reader of a value that is no output; null otherwise.
const Node* sole_consumer(const Graph& graph, const Uses& uses, ValueId value);

// The output has values of the input, wherever they come to lie: quantizers commute with it.
bool moves_values(Op op);  // MaxPool, Flatten, Reshape, Transpose, Identity, Dropout

// The same, of those that engines run on integers: all but Transpose.
bool moves_integers(Op op);

// Whether x of a layer comes coded: behind a FakeQuant of one scale, or through operators that move integers.
bool is_coded_input(const Graph& graph, const Uses& uses, ValueId value);

}  // namespace qat::ir
