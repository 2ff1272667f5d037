// A configuration from defaults and overrides: see config.h. The YAML part is yaml.cc.
#include "config/config.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "base/normalization.h"
#include "config/values.h"

namespace qat::config {

std::string Config::source(const std::string& key) const {
  const auto found = sources.find(key);
  return found == sources.end() ? "default" : found->second;
}

bool is_override(std::string_view word) {
  const std::string_view name = word.substr(0, word.find('='));
  if (name.empty() || !std::isupper(static_cast<unsigned char>(name.front()))) return false;
  const bool spelled = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isupper(c) != 0 || std::isdigit(c) != 0 || c == '_' || c == '.';
  });
  return spelled && (name.find('.') != std::string_view::npos || word.find('=') != std::string_view::npos ||
                     find_key(name) != nullptr);
}

void apply_overrides(Config& config, const std::vector<std::string>& words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    const Key* key = find_key(name);
    if (key == nullptr) fail(Code::kUsage, "command line: ", unknown_key(name));
    std::string value;
    if (equals != std::string::npos) {
      value = words[i].substr(equals + 1);
    } else if (i + 1 < words.size()) {
      value = words[++i];
    } else {
      fail(Code::kUsage, "command line: ", name, " has no value; write ", name, "=", value_text(*key, config.options));
    }
    try {
      set_value(*key, config.options, value);
    } catch (const Error& e) {
      fail(e.code(), "command line: ", e.what());
    }
    config.sources[key->name] = "command line";
  }
}

namespace {

// One value of each per channel, or none of either; the one at fault is named.
void check_lengths(const DataOptions& data, size_t channels) {
  const size_t means = data.mean.size(), deviations = data.std.size();
  if (means == deviations && (means == 0 || means == channels)) return;
  const auto has = [](const char* key, size_t count) {
    return count == 0 ? cat(key, " is missing") : cat(key, " has ", count, count == 1 ? " value" : " values");
  };
  const std::string fault = means == channels        ? has("DATA.STD", deviations)
                            : deviations == channels ? has("DATA.MEAN", means)
                                                     : has("DATA.MEAN", means) + ", " + has("DATA.STD", deviations);
  fail(Code::kUsage, fault, ", MODEL.IN_CHANNELS is ", channels,
       "; give one value of each per channel of the images, and their number as MODEL.IN_CHANNELS");
}

}  // namespace

void check(const Options& options) {
  const DataOptions& data = options.data;
  if (options.outputs.empty()) fail(Code::kUsage, "OUTPUTS is empty; give a folder, \".\" for the one you are in");
  check_lengths(data, static_cast<size_t>(options.model.in_channels));
  if (of_bytes(data.mean, data.std)) {
    fail(Code::kUsage, "DATA.MEAN [", join(data.mean, ", "), "], DATA.STD [", join(data.std, ", "),
         "] are of pixels 0 to 255; give those of x / 255: divide both by 255");
  }
  if (data.resize > 0 && data.size > data.resize) {
    fail(Code::kUsage, "DATA.SIZE ", data.size, " is larger than DATA.RESIZE ", data.resize,
         ", which the crop is taken from; raise DATA.RESIZE");
  }
  if (!options.convert.shape.empty() && options.convert.shape.size() != 4) {
    fail(Code::kUsage, "CONVERT_ONNX.SHAPE has ", options.convert.shape.size(), " extents, expected N,C,H,W");
  }
  if (!std::is_sorted(options.train.steps.begin(), options.train.steps.end())) {
    fail(Code::kUsage, "TRAIN.STEPS: expected ascending epochs, got [", join(options.train.steps, ", "), "]");
  }
  if (options.train.schedule == "step" && options.train.steps.empty()) {
    fail(Code::kUsage, "TRAIN.SCHEDULE step needs TRAIN.STEPS, the epochs at which the rate falls; constant has none");
  }
  if (options.train.nesterov && options.train.momentum == 0) {
    fail(Code::kUsage, "TRAIN.NESTEROV needs TRAIN.MOMENTUM above 0");
  }
}

Config load(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  Config config;
  if (!file.empty()) apply_yaml(config, read_file(file), file.string());
  apply_overrides(config, overrides);
  check(config.options);
  return config;
}

std::string to_yaml(const Options& options) {
  std::string text, section;
  for (const Key& key : keys()) {
    const size_t dot = key.name.find('.');
    const std::string of = dot == std::string::npos ? "" : key.name.substr(0, dot);
    if (of != section) text += cat(of, ":\n");
    section = of;
    text += cat(of.empty() ? "" : "  ", dot == std::string::npos ? key.name : key.name.substr(dot + 1), ": ",
                value_text(key, options), "\n");
  }
  return text;
}

}  // namespace qat::config
