// The record of what was measured: outputs/results.jsonl, a line for each model evaluated or timed; `report` reads it.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "cli/json.h"
#include "config/options.h"

namespace qat::cli {

// Which of the three networks of the experiment a model is: "original", "calibrated", "QAT"; "" when nothing says so.
// By the metadata "stage" and "checkpoint", else by the file's name.
std::string stage_of(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path);

// Its architecture, as the checkpoint that it came from calls it: "resnet18"; "" when nothing says so.
std::string network_of(const std::map<std::string, std::string>& metadata);

// {"time", "command", "model", "path", "hash", "device"} to begin a record with: the model as it was called, and where
// it lies, for readers in another folder.
Json new_record(const std::string& command, const std::filesystem::path& model);

// Throws Error(kIo) where append_record could not: to be asked before what is recorded is measured. Leaves nothing
// behind.
void check_record(const config::Options& options);

// Appends one whole line or, on a full disk, none, creating the folder where needed. Returns the file. Throws
// Error(kIo).
std::filesystem::path append_record(const config::Options& options, const Json& record);

// All readable lines, oldest first; a damaged line (the power failed) is skipped. Empty when there is no file. Throws
// Error(kBadFile) naming the line and the field where one is not of the type that `report` needs.
std::vector<Json> read_records(const std::filesystem::path& outputs);

// Absolute, without links and dots, as far as the path exists.
std::filesystem::path canonical_path(const std::filesystem::path& path);

// The content's hash: a record whose model has changed since says nothing about it any more. "" when unreadable.
std::string file_hash(const std::filesystem::path& path);

// Error(kUsage) where `output` is the file that is read, by whatever path: "./a.onnx", a link.
void refuse_overwriting(const std::filesystem::path& input, const std::filesystem::path& output);

// A file of `outputs`, or Error(kIo) that says which command makes it and which key or flag names another.
std::filesystem::path require_file(const std::filesystem::path& path, const std::string& remedy);

}  // namespace qat::cli
