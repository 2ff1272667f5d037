// The table of configuration keys: see schema.h.
#include "config/schema.h"

#include "base/text.h"

namespace qat::config {

namespace {

template <auto Section, auto Member>
Field at(Options& options) {
  return &(options.*Section.*Member);
}

template <auto Member>
Field at(Options& options) {
  return &(options.*Member);
}

Allowed any() { return {}; }
Allowed at_least(double min) { return {.min = min}; }
Allowed above(double min) { return {.min = min, .above_min = true}; }
Allowed between(double min, double max) { return {.min = min, .max = max}; }
Allowed one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }

constexpr auto kModel = &Options::model;
constexpr auto kData = &Options::data;
constexpr auto kTrain = &Options::train;
constexpr auto kTest = &Options::test;
constexpr auto kQuant = &Options::quant;
constexpr auto kConvert = &Options::convert;
constexpr auto kBuild = &Options::build;
constexpr auto kEval = &Options::eval;

std::vector<Key> make_keys() {
  using M = ModelOptions;
  using D = DataOptions;
  using T = TrainOptions;
  using Q = QuantOptions;
  using C = ConvertOptions;
  using B = BuildOptions;
  using E = EvalOptions;
  return {
      {"OUTPUTS", at<&Options::outputs>, any(), "folder of all results"},
      {"DEVICE", at<&Options::device>, one_of({"cpu", "cuda"}), "where training and evaluation run"},

      {"MODEL.NET", at<kModel, &M::net>, any(), "network of the zoo (`qat inspect zoo` lists them)"},
      {"MODEL.ONNX", at<kModel, &M::onnx>, any(), "float classifier of your own, in place of NET"},
      {"MODEL.WEIGHTS", at<kModel, &M::weights>, any(), ".pth or .safetensors state dict to start from"},
      {"MODEL.IN_CHANNELS", at<kModel, &M::in_channels>, between(1, 4096), "channels of the input"},
      {"MODEL.CLASSES", at<kModel, &M::classes>, between(1, 1e6), "classes of the output"},
      {"MODEL.STRICT", at<kModel, &M::strict>, any(), "missing or unexpected keys of WEIGHTS are errors"},

      {"DATA.FORMAT", at<kData, &D::format>, one_of({"auto", "idx", "cifar10", "folder"}), "format of the images"},
      {"DATA.PATH", at<kData, &D::path>, any(), "folder that holds both splits"},
      {"DATA.TRAIN", at<kData, &D::train>, any(), "place of the training images, if not under PATH"},
      {"DATA.TEST", at<kData, &D::test>, any(), "place of the test images, if not under PATH"},
      {"DATA.SIZE", at<kData, &D::size>, between(0, 65536), "side of the crop in pixels (0: the images' own)"},
      {"DATA.RESIZE", at<kData, &D::resize>, between(0, 65536), "shorter side before the centre crop (0: no resizing)"},
      {"DATA.AUGMENT", at<kData, &D::augment>, one_of({"none", "crop", "resized_crop"}), "of training images"},
      {"DATA.PAD", at<kData, &D::pad>, between(0, 4096), "pixels of padding before AUGMENT crop"},
      {"DATA.FLIP", at<kData, &D::flip>, any(), "flip half of the training images horizontally"},
      {"DATA.MEAN", at<kData, &D::mean>, between(-1e3, 1e3), "per channel, of x / 255"},
      {"DATA.STD", at<kData, &D::std>, above(0), "per channel, of x / 255"},
      {"DATA.VALIDATION", at<kData, &D::validation>, at_least(0), "training images held out to select models on"},
      {"DATA.WORKERS", at<kData, &D::workers>, between(0, 1024), "loader threads (0: none of their own)"},
      {"DATA.PREFETCH", at<kData, &D::prefetch>, between(1, 1024), "batches loaded ahead"},
      {"DATA.LABELS", at<kData, &D::labels>, one_of({"names", "order"}),
       "folders are a trained model's classes by their names, or by their order"},
      {"DATA.BROKEN", at<kData, &D::broken>, one_of({"fail", "skip"}), "what a broken image does"},
      {"DATA.LIMIT", at<kData, &D::limit>, at_least(0), "use only so many images of a split, evenly spread (0: all)"},

      {"TRAIN.EPOCHS", at<kTrain, &T::epochs>, between(1, 1e6), "passes over the training images"},
      {"TRAIN.BATCH", at<kTrain, &T::batch>, between(1, 1e6), "images per step, of all processes together"},
      {"TRAIN.LR", at<kTrain, &T::lr>, above(0), "learning rate"},
      {"TRAIN.FINAL_LR", at<kTrain, &T::final_lr>, between(0, 1), "share of LR at the end of cosine and one_cycle"},
      {"TRAIN.SCHEDULE", at<kTrain, &T::schedule>, one_of({"step", "cosine", "one_cycle", "constant"}), "of LR"},
      {"TRAIN.STEPS", at<kTrain, &T::steps>, at_least(1), "epochs at which SCHEDULE step multiplies by GAMMA"},
      {"TRAIN.GAMMA", at<kTrain, &T::gamma>, above(0), "factor of SCHEDULE step"},
      {"TRAIN.WARMUP", at<kTrain, &T::warmup>, at_least(0), "epochs of linear warm-up"},
      {"TRAIN.OPTIMIZER", at<kTrain, &T::optimizer>, one_of({"sgd", "adamw"}), "optimizer"},
      {"TRAIN.MOMENTUM", at<kTrain, &T::momentum>, between(0, 1), "of sgd"},
      {"TRAIN.NESTEROV", at<kTrain, &T::nesterov>, any(), "Nesterov's form of momentum"},
      {"TRAIN.WEIGHT_DECAY", at<kTrain, &T::weight_decay>, at_least(0), "weight decay"},
      {"TRAIN.DECAY_NORM_BIAS", at<kTrain, &T::decay_norm_bias>, any(), "false spares BatchNorm and biases"},
      {"TRAIN.LABEL_SMOOTHING", at<kTrain, &T::label_smoothing>, between(0, 0.99), "label smoothing"},
      {"TRAIN.SEED", at<kTrain, &T::seed>, at_least(0), "of weights, order and augmentation"},
      {"TRAIN.THREADS", at<kTrain, &T::threads>, between(0, 4096), "threads (0: all cores)"},
      {"TRAIN.CHECKPOINT", at<kTrain, &T::checkpoint>, any(),
       "float or calibrated checkpoint to finetune (\"\": anew)"},
      {"TRAIN.MAX_STEPS", at<kTrain, &T::max_steps>, at_least(0), "stop after so many steps (0: no)"},
      {"TRAIN.SAVE_EVERY", at<kTrain, &T::save_every>, at_least(0), "steps between checkpoints (0: at epochs)"},
      {"TRAIN.RANGES", at<kTrain, &T::ranges>, one_of({"fixed", "moving", "learned"}),
       "activation ranges in finetuning"},
      {"TRAIN.WEIGHT_RANGES", at<kTrain, &T::weight_ranges>, one_of({"fixed", "step", "learned"}),
       "weight ranges in finetuning (step: amax of the weight at every step)"},
      {"TRAIN.RANGE_MOMENTUM", at<kTrain, &T::range_momentum>, between(0, 1), "of moving ranges"},
      {"TRAIN.FREEZE_BN", at<kTrain, &T::freeze_bn>, at_least(-1), "epoch from which BN statistics stay (-1: never)"},
      {"TRAIN.SYNC_BN", at<kTrain, &T::sync_bn>, any(), "several processes: BN statistics of the whole batch"},
      {"TRAIN.EMA", at<kTrain, &T::ema>, between(0, 0.999999), "decay of an average of the weights (0: none)"},

      {"TEST.BATCH", at<kTest, &TestOptions::batch>, between(1, 1e6), "images per batch of evaluation in training"},

      {"QUANT.CALIBRATOR", at<kQuant, &Q::calibrator>, one_of({"auto", "max", "percentile", "mse", "entropy"}),
       "how a range is chosen (auto: per tensor, the least error)"},
      {"QUANT.PERCENTILE", at<kQuant, &Q::percentile>, between(50, 100), "of CALIBRATOR percentile"},
      {"QUANT.IMAGES", at<kQuant, &Q::images>, at_least(1), "training images to calibrate on"},
      {"QUANT.BATCH", at<kQuant, &Q::batch>, between(1, 1e6), "images per batch of calibration"},
      {"QUANT.FIRST_LAYER", at<kQuant, &Q::first_layer>, any(), "quantize the first layer"},
      {"QUANT.LAST_LAYER", at<kQuant, &Q::last_layer>, any(), "quantize the last layer"},
      {"QUANT.SKIP", at<kQuant, &Q::skip>, any(), "layers left in float, by name or pattern (layer1.*)"},
      {"QUANT.CHECKPOINT", at<kQuant, &Q::checkpoint>, any(), "float checkpoint to calibrate (\"\": OUTPUTS' best)"},

      {"CONVERT_ONNX.CHECKPOINT", at<kConvert, &C::checkpoint>, any(), "checkpoint to export (\"\": OUTPUTS' best)"},
      {"CONVERT_ONNX.QUANT", at<kConvert, &C::quant>, any(), "with Q/DQ"},
      {"CONVERT_ONNX.DYNAMIC", at<kConvert, &C::dynamic>, any(), "batch, height and width open"},
      {"CONVERT_ONNX.SHAPE", at<kConvert, &C::shape>, between(1, 1e6), "N,C,H,W of a static export ([]: from DATA)"},
      {"CONVERT_ONNX.OPSET", at<kConvert, &C::opset>, between(13, 25), "ONNX opset"},
      {"CONVERT_ONNX.WEIGHTS", at<kConvert, &C::weights>, one_of({"float", "int8"}),
       "float with Q/DQ, or int8 with DQ"},

      {"BUILD.ONNX", at<kBuild, &B::onnx>, any(), "file to build (\"\": OUTPUTS' quantized dynamic one)"},
      {"BUILD.ENGINE", at<kBuild, &B::engine>, any(), "engine to write (\"\": under OUTPUTS/save_engine)"},
      {"BUILD.MIN_SHAPES", at<kBuild, &B::min_shapes>, any(), "least input, as input:1x3x64x64"},
      {"BUILD.OPT_SHAPES", at<kBuild, &B::opt_shapes>, any(), "input that tactics are timed with"},
      {"BUILD.MAX_SHAPES", at<kBuild, &B::max_shapes>, any(), "largest input"},
      {"BUILD.PRECISION", at<kBuild, &B::precision>, one_of({"fp32", "bf16", "fp16", "int8", "best"}), "of the layers"},
      {"BUILD.INPUT", at<kBuild, &B::input>, one_of({"f32_nchw", "u8_nhwc"}), "what the engine is fed with"},
      {"BUILD.BACKEND", at<kBuild, &B::backend>, one_of({"qat", "tensorrt"}), "tensorrt runs trtexec"},
      {"BUILD.DEVICE", at<kBuild, &B::device>, one_of({"cpu", "cuda"}), "what the engine runs on"},
      {"BUILD.THREADS", at<kBuild, &B::threads>, between(0, 4096), "threads that tactics are timed with (0: all)"},
      {"BUILD.TIMING_CACHE", at<kBuild, &B::timing_cache>, any(), "file of measured tactics (\"\": none)"},
      {"BUILD.DISABLE_PASS", at<kBuild, &B::disable_pass>, any(), "compiler passes to leave out"},

      {"EVAL.MODEL", at<kEval, &E::model>, any(), ".pth, .onnx or .engine"},
      {"EVAL.REFERENCE", at<kEval, &E::reference>, any(), "model to agree with, image by image"},
      {"EVAL.SPLIT", at<kEval, &E::split>, one_of({"test", "validation", "train"}), "images to evaluate on"},
      {"EVAL.BATCH", at<kEval, &E::batch>, between(1, 1e6), "images per batch"},
      {"EVAL.THREADS", at<kEval, &E::threads>, between(0, 4096), "threads (0: all cores)"},
      {"EVAL.MIN_TOP1", at<kEval, &E::min_top1>, between(0, 100), "per cent; below it, exit code 4"},
      {"EVAL.MIN_AGREEMENT", at<kEval, &E::min_agreement>, between(0, 100), "per cent; below it, exit code 4"},
  };
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> kKeys = make_keys();
  return kKeys;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string unknown_key(std::string_view name) {
  std::vector<std::string> names;
  for (const Key& key : keys()) names.push_back(key.name);
  const std::string near = closest(name, names);
  return cat("unknown key ", name, near.empty() ? "" : cat("; did you mean ", near, "?"), near.empty() ? ";" : "",
             " `qat config` lists every key");
}

}  // namespace qat::config
