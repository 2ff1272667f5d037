// The options that matter, and the last checkpoint: see continuation.h.
#include "train/continuation.h"

#include "base/text.h"
#include "model/network.h"
#include "quant/placement.h"

namespace qat::train {

std::map<std::string, std::string> fixed_options(const config::Options& o, bool quantized) {
  return {{"TRAIN.SEED", cat(o.train.seed)},
          {"TRAIN.BATCH", cat(o.train.batch)},
          {"TRAIN.OPTIMIZER", o.train.optimizer},
          {"TRAIN.EPOCHS", cat(o.train.epochs)},
          {"TRAIN.EMA", cat(o.train.ema)},
          {"TRAIN.LR", cat(o.train.lr)},
          {"TRAIN.FINAL_LR", cat(o.train.final_lr)},
          {"TRAIN.SCHEDULE", o.train.schedule},
          {"TRAIN.STEPS", join(o.train.steps, ",")},
          {"TRAIN.GAMMA", cat(o.train.gamma)},
          {"TRAIN.WARMUP", cat(o.train.warmup)},
          {"TRAIN.MOMENTUM", cat(o.train.momentum)},
          {"TRAIN.NESTEROV", cat(o.train.nesterov)},
          {"TRAIN.WEIGHT_DECAY", cat(o.train.weight_decay)},
          {"TRAIN.DECAY_NORM_BIAS", cat(o.train.decay_norm_bias)},
          {"TRAIN.LABEL_SMOOTHING", cat(o.train.label_smoothing)},
          {"TRAIN.FREEZE_BN", cat(o.train.freeze_bn)},
          {"TRAIN.SYNC_BN", cat(o.train.sync_bn)},
          {"TRAIN.RANGES", o.train.ranges},
          {"TRAIN.WEIGHT_RANGES", o.train.weight_ranges},
          {"TRAIN.RANGE_MOMENTUM", cat(o.train.range_momentum)},
          {"MODEL.NET", o.model.net},
          {"MODEL.ONNX", o.model.onnx},
          {"MODEL.CLASSES", cat(o.model.classes)},
          {"MODEL.IN_CHANNELS", cat(o.model.in_channels)},
          {"DATA.VALIDATION", cat(o.data.validation)},
          {"DATA.LIMIT", cat(o.data.limit)},
          {"DATA.SIZE", cat(o.data.size)},
          {"DATA.RESIZE", cat(o.data.resize)},
          {"DATA.AUGMENT", o.data.augment},
          {"DATA.PAD", cat(o.data.pad)},
          {"DATA.FLIP", cat(o.data.flip)},
          {"DATA.MEAN", join(o.data.mean, ",")},
          {"DATA.STD", join(o.data.std, ",")},
          {"the stage", quantized ? "finetune" : "normal"}};
}

void expect_same_options(const std::map<std::string, std::string>& saved, const std::map<std::string, std::string>& now,
                         const std::filesystem::path& file) {
  for (const auto& [key, text] : now) {
    const auto found = saved.find(key);
    if (found == saved.end() || found->second == text) continue;  // not there: saved before the option was
    fail(Code::kUsage, "[--resume] expected ", key, " = ", found->second, " as in ", file.string(), ", got ", text,
         "; leave it out: --resume takes the run's own options");
  }
}

std::filesystem::path last_path(const config::Options& options) {
  namespace fs = std::filesystem;
  const fs::path normal = Names(options.outputs, false).last, quant = Names(options.outputs, true).last;
  const std::string& start = options.train.checkpoint;
  std::error_code error;
  if (!start.empty() && fs::exists(start, error)) {
    const fs::path last = quant::is_quantized(model::from_file(start, options)) ? quant : normal;
    if (fs::exists(last, error)) return last;
    fail(Code::kUsage, "[--resume] there is no ", last.string(), " to continue; train without --resume first");
  }
  const bool has_normal = fs::exists(normal, error), has_quant = fs::exists(quant, error);
  if (!has_normal && !has_quant) {
    fail(Code::kUsage, "[--resume] there is neither ", normal.string(), " nor ", quant.string(),
         " to continue; train without --resume first");
  }
  if (has_normal && has_quant) {
    return fs::last_write_time(quant, error) >= fs::last_write_time(normal, error) ? quant : normal;
  }
  return has_quant ? quant : normal;
}

io::Checkpoint last_checkpoint(const config::Options& options) {
  const std::filesystem::path last = last_path(options);
  io::Checkpoint checkpoint = io::load_checkpoint(last);
  if (!checkpoint.training) fail(Code::kBadFile, last.string(), " holds no training state; train without --resume");
  return checkpoint;
}

}  // namespace qat::train
