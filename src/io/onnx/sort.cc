// Kahn's algorithm on value names, smallest file position first.
#include "io/onnx/sort.h"

#include <queue>
#include <set>
#include <unordered_map>

namespace qat::onnxio {

namespace {

using Producers = std::unordered_map<std::string, size_t>;  // value -> position of its node

constexpr size_t kGiven = SIZE_MAX;  // an input or an initializer

Producers producers_of(const Model& model) {
  Producers made;
  const auto add = [&](const std::string& value, size_t position) {
    if (!value.empty() && !made.emplace(value, position).second) {
      fail(Code::kBadFile, "[", value, "] two values have this name");
    }
  };
  for (const auto& input : model.inputs) add(input.name, kGiven);
  for (const auto& constant : model.initializers) add(constant.name, kGiven);
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    for (const auto& output : model.nodes[i].outputs) add(output, i);
  }
  return made;
}

// Which nodes the outputs need.
std::vector<bool> needed(const Model& model, const Producers& made) {
  std::vector<bool> needed(model.nodes.size());
  std::vector<std::string> open;
  for (const auto& output : model.outputs) open.push_back(output.name);
  while (!open.empty()) {
    const std::string value = std::move(open.back());
    open.pop_back();
    const auto found = made.find(value);
    if (found == made.end()) fail(Code::kBadFile, "[", value, "] is read but nobody makes it");
    if (found->second == kGiven || needed[found->second]) continue;
    needed[found->second] = true;
    for (const auto& input : model.nodes[found->second].inputs) {
      if (!input.empty()) open.push_back(input);
    }
  }
  return needed;
}

}  // namespace

void sort_nodes(Model& model) {
  const Producers made = producers_of(model);
  const std::vector<bool> keep = needed(model, made);
  std::vector<std::vector<size_t>> readers(model.nodes.size());
  std::vector<size_t> missing(model.nodes.size());
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  size_t total = 0;
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    if (!keep[i]) continue;
    ++total;
    for (const auto& input : model.nodes[i].inputs) {
      if (input.empty() || made.at(input) == kGiven) continue;
      readers[made.at(input)].push_back(i);
      ++missing[i];
    }
    if (missing[i] == 0) ready.push(i);
  }
  std::vector<Node> sorted;
  while (!ready.empty()) {
    const size_t next = ready.top();
    ready.pop();
    for (const size_t reader : readers[next]) {
      if (--missing[reader] == 0) ready.push(reader);
    }
    sorted.push_back(std::move(model.nodes[next]));
    missing[next] = SIZE_MAX;  // done
  }
  if (sorted.size() != total) {
    for (size_t i = 0; i < model.nodes.size(); ++i) {
      if (keep[i] && missing[i] != SIZE_MAX) fail(Code::kBadFile, model.nodes[i].label(), " is part of a cycle");
    }
  }
  model.nodes = std::move(sorted);
}

}  // namespace qat::onnxio
