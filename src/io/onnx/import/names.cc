// Module paths from exporters' names.
#include "io/onnx/import/names.h"

#include <algorithm>

namespace qat::onnxio {

namespace {

// "/features/features.1/block/block.0/Conv" -> "features.1.block.0": a part that repeats the one before it replaces it.
// "" when the name is not of this form.
std::string torch_path(const Node& node) {
  if (node.name.empty() || node.name[0] != '/') return "";
  std::string path, last;
  auto parts = split(node.name.substr(1), '/');
  parts.pop_back();
  for (const auto& part : parts) {
    if (!last.empty() && !part.starts_with(last + ".")) path += last + ".";
    last = part;
  }
  return path + last;
}

std::string last_part(const Node& node) { return node.name.substr(node.name.rfind('/') + 1); }

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); });
}

// Letters, digits, dots and underscores; anything else (of a hostile file too) becomes an underscore.
std::string readable(const std::string& text) {
  std::string out;
  for (const unsigned char c : text.substr(0, 200)) out += std::isalnum(c) || c == '.' ? static_cast<char>(c) : '_';
  const size_t first = out.find_first_not_of("_.");
  return first == std::string::npos ? "" : out.substr(first);
}

}  // namespace

bool is_made_up(const std::string& name) {
  if (name.find("::") != std::string::npos || is_number(name) || name.empty() || name[0] == '/') return true;
  return name.starts_with("val_") && is_number(name.substr(4));
}

Names::Names(const Model& model) {
  for (const auto& node : model.nodes) {
    const std::string path = torch_path(node);
    if (path.empty()) continue;
    ++nodes_at_[path];
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1)) {
      inner_.insert(path.substr(0, dot));
    }
  }
}

std::string Names::module(const Node& node, const std::string& weight) const {
  if (weight.ends_with(".weight")) return readable(weight.substr(0, weight.size() - 7));
  if (node.name == cat(node.outputs.at(0), "/", node.op)) return node.outputs[0];  // our own files
  const std::string path = torch_path(node);
  if (!path.empty()) {
    const bool leaf = nodes_at_.at(path) == 1 && !inner_.contains(path);
    return readable(leaf ? path : path + "." + lower(last_part(node)));
  }
  std::string name = readable(node.name.starts_with("/") ? lower(last_part(node)) : node.name);
  if (name.starts_with("node_")) name = name.substr(5);  // torch's newer exporter
  return name.empty() ? lower(node.op) : name;
}

std::string Names::unique(const std::string& name) {
  if (used_.insert(name).second) return name;
  while (true) {
    std::string candidate = cat(name, "_", ++next_[name]);
    if (used_.insert(candidate).second) return candidate;
  }
}

}  // namespace qat::onnxio
