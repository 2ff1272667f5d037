// The configuration that a model carries with it: see stored_config.h.
#include "cli/stored_config.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "config/values.h"

namespace qat::cli {

namespace {

// Numbers only: their canonical text reads back as it is.
constexpr std::array kPixels{"DATA.SIZE", "DATA.RESIZE", "DATA.MEAN", "DATA.STD", "DATA.VALIDATION"};
constexpr std::array kPlace{"DATA.PATH", "DATA.TRAIN", "DATA.TEST", "DATA.FORMAT"};

}  // namespace

config::Options with_stored_data(const config::Config& config, const std::map<std::string, std::string>& metadata) {
  config::Options options = config.options;
  const auto text = metadata.find("config");
  if (text == metadata.end()) return options;
  config::Config stored;
  try {
    config::apply_yaml(stored, text->second, "stored");
  } catch (const Error&) {
    return options;
  }
  const auto said = [&config](const char* key) { return config.sources.contains(key); };
  const auto take = [&](const char* name) {
    const config::Key& key = *config::find_key(name);
    config::set_value(key, options, config::value_text(key, stored.options));
  };
  for (const char* key : kPixels) {
    if (!said(key)) take(key);
  }
  if (std::none_of(kPlace.begin(), kPlace.end(), said)) {
    options.data.path = stored.options.data.path;
    options.data.train = stored.options.data.train;
    options.data.test = stored.options.data.test;
    options.data.format = stored.options.data.format;
  }
  return options;
}

}  // namespace qat::cli
