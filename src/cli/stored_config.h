// The configuration that a model carries with it: what a user need not say again.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "config/config.h"
#include "eval/accuracy.h"

namespace qat::cli {

// `config`, with the keys of DATA that decide which pixels a model sees (SIZE, RESIZE, MEAN, STD, VALIDATION) from the
// metadata's "config" where the user said nothing; the data's place (PATH, TRAIN, TEST, FORMAT) too, unless the user
// gives any of these. Damaged metadata is ignored.
config::Options with_stored_data(const config::Config& config, const std::map<std::string, std::string>& metadata);

// The same for a command that starts from `checkpoint`, whose network is the file's, too: MODEL.* are its own, and a
// command line that says others is refused. Plain state dicts and ONNX files say nothing.
config::Options with_stored_start(const config::Config& config, const std::filesystem::path& checkpoint);

// `config`, with every key that the user did not say (but OUTPUTS) as the metadata's "config" has it: what --resume
// runs with.
config::Options with_stored_run(const config::Config& config, const std::map<std::string, std::string>& metadata);

// eval::normalization_of a model's file, unless the command line says DATA.MEAN and DATA.STD: a configuration file may
// be another model's. data: what with_stored_data gave.
eval::Normalization normalization_for(const config::Config& config, const eval::Classifier& model,
                                      const std::string& file, const config::DataOptions& data);

}  // namespace qat::cli
