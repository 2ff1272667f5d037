// Engines of the command line: building one from the options, and what build, bench and inspect print about it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/results.h"
#include "engine/compile/build.h"
#include "engine/runtime/roofline.h"
#include "engine/runtime/session.h"

namespace qat::cli {

// Flags of trtexec's that build and bench share.
std::vector<Flag> build_flags();

// BUILD.ONNX, else the quantized dynamic file of OUTPUTS.
std::filesystem::path onnx_path(const config::Options& options);

// onnx_path, which must be there and no checkpoint: Error(kIo) or Error(kUsage) with the command that makes one.
std::filesystem::path require_onnx(const config::Options& options);

// BUILD.ENGINE, else OUTPUTS/save_engine/engine_<the ONNX file's name without onnx_>.engine.
std::filesystem::path engine_path(const config::Options& options);

// What an engine carries for machines that it does not fit: the command that makes it again, precision as it was
// decided, passes left out, threads.
std::string rebuild_command(const Context& context, const std::string& precision);

// Reads the ONNX file and builds by BUILD.* and --shapes; prints fusions, why layers are not int8, notes
// and the progress of tactics.
engine::BuildResult build_engine(Context& context);

// engine::parse_shape of "input:1x3x64x64" or "1x3x64x64". Throws Error(kUsage) where it names another input than the
// network's.
engine::InputShape shape_for(const std::string& text, const std::string& input);

// The profile's shapes as text: "1x3x64x64".
std::string shape_text(const engine::InputShape& shape);

// Layers of a build or of a profile as trtexec's --exportLayerInfo and --exportProfile have them.
Json layer_info(const engine::Plan& plan);
Json profile_json(const std::vector<engine::StepProfile>& steps, int64_t runs);
std::string profile_table(const std::vector<engine::StepProfile>& steps);

// build --verbose: a layer's kernel, its time and its share of the int8 peak (without one, as of a GPU, no share).
std::string tactic_text(const engine::LayerReport& layer, const engine::Roof& roof);

// --roofline: each layer beside what the machine could do (engine/runtime/roofline.h).
std::string roofline_table(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof);
// Why its shares are not to be trusted: readings that differ of a peak that a layer is held against, a layer further
// above its bound than docs/roofline.md explains; "" where they are.
std::string roofline_note(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof);
Json roofline_json(const std::vector<engine::StepProfile>& steps, const engine::Roof& roof);

// inspect: the plan as a table, or as JSON.
void show_engine(Context& context, const std::filesystem::path& path);

}  // namespace qat::cli
