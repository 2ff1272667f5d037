// Every option of qat in one struct, by section; config.h gives each its key, help and default. Plain data, no
// behaviour.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qat::config {

struct ModelOptions {
  std::string net = "resnet8";  // MODEL.NET, a name of the zoo
  std::string onnx;             // MODEL.ONNX, a float classifier of the user's own, in place of NET
  std::string weights;          // MODEL.WEIGHTS, a .pth or .safetensors state dict to start from
  int64_t in_channels = 3;      // MODEL.IN_CHANNELS
  int64_t classes = 1000;       // MODEL.CLASSES
  bool strict = true;           // MODEL.STRICT: missing or unexpected keys are errors
};

struct DataOptions {
  std::string format = "auto";   // DATA.FORMAT: idx | cifar10 | folder | auto
  std::string path;              // DATA.PATH: a folder that holds both splits
  std::string train;             // DATA.TRAIN: overrides the training split's place
  std::string test;              // DATA.TEST: overrides the test split's place
  int64_t size = 0;              // DATA.SIZE: crop, in pixels (0: the images' own)
  int64_t resize = 0;            // DATA.RESIZE: shorter side before the centre crop (0: none)
  std::string augment = "none";  // DATA.AUGMENT: none | crop (pad and random crop) | resized_crop
  int64_t pad = 0;               // DATA.PAD: pixels of padding for augment = crop
  bool flip = false;             // DATA.FLIP: horizontal, with probability 1/2
  std::vector<double> mean;      // DATA.MEAN: per channel, of x / 255
  std::vector<double> std;       // DATA.STD
  int64_t validation = 0;        // DATA.VALIDATION: training images held out for the selection of models
  int64_t workers = 1;           // DATA.WORKERS: loader threads (0: in the caller)
  int64_t prefetch = 4;          // DATA.PREFETCH: batches ahead
  std::string labels = "names";  // DATA.LABELS: names | order
  std::string broken = "fail";   // DATA.BROKEN: fail | skip
  int64_t limit = 0;             // DATA.LIMIT: use only so many images of a split, evenly spread (0: all)
};

struct TrainOptions {
  int64_t epochs = 10;                 // TRAIN.EPOCHS
  int64_t batch = 128;                 // TRAIN.BATCH: of all ranks together
  double lr = 0.1;                     // TRAIN.LR
  double final_lr = 0.0;               // TRAIN.FINAL_LR: share of LR at the end of cosine and one_cycle
  std::string schedule = "cosine";     // TRAIN.SCHEDULE: step | cosine | one_cycle | constant
  std::vector<int64_t> steps;          // TRAIN.STEPS: epochs at which step multiplies by GAMMA
  double gamma = 0.1;                  // TRAIN.GAMMA
  double warmup = 0.0;                 // TRAIN.WARMUP: epochs, linear from 0
  std::string optimizer = "sgd";       // TRAIN.OPTIMIZER: sgd | adamw
  double momentum = 0.9;               // TRAIN.MOMENTUM
  bool nesterov = false;               // TRAIN.NESTEROV
  double weight_decay = 1e-4;          // TRAIN.WEIGHT_DECAY
  bool decay_norm_bias = true;         // TRAIN.DECAY_NORM_BIAS: false spares BN and bias
  double label_smoothing = 0.0;        // TRAIN.LABEL_SMOOTHING
  uint64_t seed = 0;                   // TRAIN.SEED
  int64_t threads = 0;                 // TRAIN.THREADS: 0: all
  std::string checkpoint;              // TRAIN.CHECKPOINT: continue from (float or calibrated); "" starts anew
  int64_t max_steps = 0;               // TRAIN.MAX_STEPS: stop early (0: no)
  int64_t save_every = 0;              // TRAIN.SAVE_EVERY: steps between checkpoints within an epoch (0: epochs only)
  std::string ranges = "fixed";        // TRAIN.RANGES: activation ranges in finetuning: fixed | moving | learned (LSQ)
  std::string weight_ranges = "step";  // TRAIN.WEIGHT_RANGES: fixed | step (amax of the weight at every step) | learned
  double range_momentum = 0.01;        // TRAIN.RANGE_MOMENTUM: of moving ranges
  int64_t freeze_bn = -1;              // TRAIN.FREEZE_BN: epoch from which BN statistics stay (-1: never)
  bool sync_bn = false;                // TRAIN.SYNC_BN: BN statistics of the whole batch, not of each rank's share
  double ema = 0.0;                    // TRAIN.EMA: decay of an exponential moving average of the weights (0: none)
};

struct TestOptions {
  int64_t batch = 250;  // TEST.BATCH: of evaluation during training and calibration
};

struct QuantOptions {
  std::string calibrator = "auto";  // QUANT.CALIBRATOR: max | percentile | mse | entropy | auto
  double percentile = 99.99;        // QUANT.PERCENTILE
  int64_t images = 1024;            // QUANT.IMAGES: training images to calibrate on
  int64_t batch = 64;               // QUANT.BATCH
  bool first_layer = true;          // QUANT.FIRST_LAYER: quantize it
  bool last_layer = true;           // QUANT.LAST_LAYER
  std::vector<std::string> skip;    // QUANT.SKIP: layers left in float, by name or pattern ("layer1.*")
  std::string checkpoint;           // QUANT.CHECKPOINT: the float checkpoint to calibrate ("": outputs' best)
};

struct ConvertOptions {
  std::string checkpoint;         // CONVERT_ONNX.CHECKPOINT
  bool quant = true;              // CONVERT_ONNX.QUANT
  bool dynamic = true;            // CONVERT_ONNX.DYNAMIC
  std::vector<int64_t> shape;     // CONVERT_ONNX.SHAPE: N,C,H,W of a static export
  int64_t opset = 17;             // CONVERT_ONNX.OPSET
  std::string weights = "float";  // CONVERT_ONNX.WEIGHTS: float (with Q/DQ) | int8 (with DQ)
};

struct BuildOptions {
  std::string onnx;                                // BUILD.ONNX
  std::string engine;                              // BUILD.ENGINE
  std::string min_shapes, opt_shapes, max_shapes;  // BUILD.MIN_SHAPES ...: "input:1x3x64x64"
  std::string precision = "best";                  // BUILD.PRECISION: fp32 | bf16 | fp16 | int8 | best
  std::string input = "f32_nchw";                  // BUILD.INPUT: f32_nchw | u8_nhwc
  std::string backend = "qat";                     // BUILD.BACKEND: qat | tensorrt
  std::string device = "cpu";                      // BUILD.DEVICE: cpu | cuda
  int64_t threads = 0;                             // BUILD.THREADS: that tactics are timed with
  std::string timing_cache;                        // BUILD.TIMING_CACHE: file of measured tactics ("": in memory)
  std::vector<std::string> disable_pass;           // BUILD.DISABLE_PASS
};

struct EvalOptions {
  std::string model;           // EVAL.MODEL: .pth, .onnx or .engine
  std::string reference;       // EVAL.REFERENCE: a model to agree with, image by image
  std::string split = "test";  // EVAL.SPLIT: test | validation | train
  int64_t batch = 250;         // EVAL.BATCH
  int64_t threads = 0;         // EVAL.THREADS
  double min_top1 = 0.0;       // EVAL.MIN_TOP1: below it, exit code 4
  double min_agreement = 0.0;  // EVAL.MIN_AGREEMENT: per cent
};

struct Options {
  std::string outputs = "outputs";  // OUTPUTS: where all results go
  std::string device = "cpu";       // DEVICE: cpu | cuda
  ModelOptions model;
  DataOptions data;
  TrainOptions train;
  TestOptions test;
  QuantOptions quant;
  ConvertOptions convert;
  BuildOptions build;
  EvalOptions eval;
};

}  // namespace qat::config
