// Reads YAML into a configuration with yaml-cpp: see apply_yaml in config.h.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "config/config.h"
#include "config/values.h"

namespace qat::config {

namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int kMaxDepth = 64;

// A parser recurses on nesting: what is deeper than any configuration is refused before it is parsed.
void refuse_bombs(std::string_view text, const std::string& name) {
  if (text.size() > kMaxBytes) {
    fail(Code::kUsage, name, ": ", text.size(), " bytes, a configuration has at most ", kMaxBytes);
  }
  int depth = 0, line = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ++line;
    if (text[i] == '\0') fail(Code::kUsage, name, ":", line, ": a zero byte; this is no text file");
    if (text[i] == '[' || text[i] == '{') ++depth;
    if (text[i] == ']' || text[i] == '}') depth = std::max(0, depth - 1);
    const bool block_items = text.substr(i).starts_with("- - - - - - - -");
    if (depth > kMaxDepth || block_items)
      fail(Code::kUsage, name, ":", line, ": nested too deeply for a configuration");
  }
}

class Reader {
 public:
  Reader(Config& config, const std::string& name) : config_(config), name_(name) {}

  void document(const YAML::Node& root) {
    if (root.IsNull()) return;
    if (!root.IsMap()) fail(Code::kUsage, place(root), ": expected sections such as TRAIN:, got ", kind(root));
    for (const auto& entry : root) {
      const std::string word = scalar(entry.first);
      if (is_section(word)) {
        section(word, entry.second, entry.first);
      } else {
        value(word, entry.first, entry.second);
      }
    }
  }

 private:
  static bool is_section(const std::string& word) {
    const auto of = [&word](const Key& key) { return key.name.starts_with(word + "."); };
    return std::any_of(keys().begin(), keys().end(), of);
  }

  static const char* kind(const YAML::Node& node) {
    return node.IsMap() ? "a section" : node.IsSequence() ? "a list" : node.IsNull() ? "nothing" : "a single value";
  }

  std::string place(const YAML::Node& node) const { return cat(name_, ":", node.Mark().line + 1); }

  std::string scalar(const YAML::Node& node) const {
    if (!node.IsScalar()) fail(Code::kUsage, place(node), ": expected a word, got ", kind(node));
    return node.Scalar();
  }

  void section(const std::string& name, const YAML::Node& node, const YAML::Node& at) {
    if (node.IsNull()) return;  // "TRAIN:" with nothing in it
    if (!node.IsMap()) fail(Code::kUsage, place(at), ": ", name, " is a section, got ", kind(node));
    for (const auto& entry : node) value(cat(name, ".", scalar(entry.first)), entry.first, entry.second);
  }

  void value(const std::string& name, const YAML::Node& at, const YAML::Node& node) {
    const Key* key = find_key(name);
    if (key == nullptr) fail(Code::kUsage, place(at), ": ", unknown_key(name));
    if (!seen_.insert(name).second) fail(Code::kUsage, place(at), ": ", name, " is given twice");
    try {
      set(*key, node);
    } catch (const Error& e) {
      fail(e.code(), place(at), ": ", e.what());
    }
    config_.sources[name] = place(at);
  }

  void set(const Key& key, const YAML::Node& node) {
    if (node.IsNull()) {
      if (!is_text(key) && !is_list(key)) {
        fail(Code::kUsage, key.name, ": expected a value (", type_name(key), "), got nothing");
      }
      return is_list(key) ? set_items(key, config_.options, {}) : set_value(key, config_.options, "");
    }
    if (node.IsMap()) fail(Code::kUsage, key.name, ": expected ", type_name(key), ", got a section");
    if (node.IsSequence()) {
      std::vector<std::string> items;
      for (const YAML::Node& item : node) {
        if (!item.IsScalar()) fail(Code::kUsage, key.name, ": expected ", type_name(key), ", got a nested list");
        items.push_back(unquoted(key, item));
      }
      return set_items(key, config_.options, items);
    }
    set_value(key, config_.options, unquoted(key, node));
  }

  // "0.1" in quotes is a string to YAML, so it is no number here either.
  static std::string unquoted(const Key& key, const YAML::Node& item) {
    if (item.Tag() == "!" && !is_text(key)) {
      fail(Code::kUsage, key.name, ": expected ", type_name(key), ", got the string \"", item.Scalar(),
           "\"; remove the quotes");
    }
    return item.Scalar();
  }

  Config& config_;
  const std::string& name_;
  std::set<std::string> seen_;
};

}  // namespace

void apply_yaml(Config& config, std::string_view text, const std::string& name) {
  refuse_bombs(text, name);
  std::vector<YAML::Node> documents;
  try {
    documents = YAML::LoadAll(std::string(text));
  } catch (const YAML::Exception& e) {
    fail(Code::kUsage, name, ":", e.mark.line + 1, ": not valid YAML: ", e.msg);
  }
  if (documents.size() > 1) {
    fail(Code::kUsage, name, ":", documents[1].Mark().line + 1,
         ": a second document; a configuration is one (remove the --- before it)");
  }
  if (!documents.empty()) Reader(config, name).document(documents[0]);
}

}  // namespace qat::config
