// Where a training run starts: a network of the zoo, a file of the user's, or one of our checkpoints; and what its
// checkpoints are called.
#pragma once

#include <filesystem>
#include <string>

#include "config/options.h"
#include "data/data.h"
#include "io/checkpoint.h"
#include "train/train.h"

namespace qat::train {

// TRAIN.CHECKPOINT (model::from_file), or MODEL.* (model::from_options); ends in logits.
// Throws Error(kUsage / kBadFile / kIo).
ir::Graph start_graph(const config::Options& options, const Report& report);

// The file that start_graph reads, or that calibration does with its `checkpoint`; "" where the zoo makes the network.
std::string start_file(const std::string& checkpoint, const config::ModelOptions& model);

// The folder OUTPUTS. Throws Error(kIo).
void make_outputs(const std::filesystem::path& outputs);

// File names under OUTPUTS (MISSION): "normal" before quantization, "quant" after.
struct Names {
  std::filesystem::path initial, best, last, metrics;
  Names(const std::filesystem::path& outputs, bool quantized);
};

// Of the logits; kDynamic where the graph leaves it open.
int64_t classes_of(const ir::Graph& graph);

// What a checkpoint says about itself: mean, std, classes, class_names, input (N,C,H,W without N), net, stage (normal |
// calibrate | finetune), config (YAML). The dataset may be nullptr where the graph's metadata has its facts.
void describe(ir::Graph& graph, const config::Options& options, const data::Dataset* dataset, const std::string& stage);

// Throws Error(kUsage) when the images, transformed as for a test, or their classes do not fit the network. file: where
// the network comes from; "" where the zoo makes it of any number of channels.
void check_data(const ir::Graph& graph, const data::Dataset& dataset, const config::DataOptions& options,
                const std::string& file);

// Mean and deviation: the options', or what the graph's metadata says. Fills the options. file: where the network comes
// from, named by Error(kBadFile) when they are of pixels 0 to 255.
void complete_normalization(const ir::Graph& graph, config::Options& options, const std::string& file);

}  // namespace qat::train
