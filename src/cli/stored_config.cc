// The configuration that a model carries with it: see stored_config.h.
#include "cli/stored_config.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "config/values.h"
#include "io/checkpoint.h"

namespace qat::cli {

namespace {

constexpr std::array kPixels{"DATA.SIZE", "DATA.RESIZE", "DATA.MEAN", "DATA.STD", "DATA.VALIDATION"};
constexpr std::array kPlace{"DATA.PATH", "DATA.TRAIN", "DATA.TEST", "DATA.FORMAT"};

// The options in the metadata; nothing where there are none that can be read.
std::optional<config::Options> stored_options(const std::map<std::string, std::string>& metadata) {
  const auto text = metadata.find("config");
  if (text == metadata.end()) return std::nullopt;
  config::Config stored;
  try {
    config::apply_yaml(stored, text->second, "stored");
  } catch (const Error&) {
    return std::nullopt;
  }
  return stored.options;
}

}  // namespace

config::Options with_stored_data(const config::Config& config, const std::map<std::string, std::string>& metadata) {
  config::Options options = config.options;
  const std::optional<config::Options> stored = stored_options(metadata);
  if (!stored) return options;
  const auto said = [&config](const char* key) { return config.sources.contains(key); };
  const auto take = [&](const char* name) { config::copy_value(*config::find_key(name), options, *stored); };
  for (const char* key : kPixels) {
    if (!said(key)) take(key);
  }
  if (std::none_of(kPlace.begin(), kPlace.end(), said)) std::for_each(kPlace.begin(), kPlace.end(), take);
  return options;
}

eval::Normalization normalization_for(const config::Config& config, const eval::Classifier& model,
                                      const std::string& file, const config::DataOptions& data) {
  const bool said = config.source("DATA.MEAN") == "command line" && config.source("DATA.STD") == "command line";
  return said ? eval::Normalization{.mean = data.mean, .std = data.std} : eval::normalization_of(model, file, data);
}

config::Options with_stored_start(const config::Config& config, const std::filesystem::path& checkpoint) {
  if (lower(checkpoint.extension().string()) == ".onnx") return config.options;
  const std::optional<io::Checkpoint> ours = io::find_checkpoint(checkpoint);
  if (!ours) return config.options;
  const auto& metadata = ours->graph.metadata;
  config::Options options = with_stored_data(config, metadata);
  const std::optional<config::Options> stored = stored_options(metadata);
  if (!stored) return options;
  for (const config::Key& key : config::keys()) {
    if (!key.name.starts_with("MODEL.")) continue;
    const std::string own = value_text(key, *stored), said = value_text(key, options);
    if (config.source(key.name) == "command line" && own != said) {
      fail(Code::kUsage, "[", key.name, "] ", said, " is not what ", checkpoint.string(),
           " has: ", own.empty() ? "none" : own,
           "; a checkpoint brings its own network: leave MODEL.* out, or start from another ",
           "file (QUANT.CHECKPOINT, TRAIN.CHECKPOINT) or in another OUTPUTS");
    }
    config::copy_value(key, options, *stored);
  }
  return options;
}

config::Options with_stored_run(const config::Config& config, const std::map<std::string, std::string>& metadata) {
  config::Options options = config.options;
  const std::optional<config::Options> stored = stored_options(metadata);
  if (!stored) return options;
  for (const config::Key& key : config::keys()) {
    if (key.name != "OUTPUTS" && !config.sources.contains(key.name)) config::copy_value(key, options, *stored);
  }
  config::check(options);
  return options;
}

}  // namespace qat::cli
