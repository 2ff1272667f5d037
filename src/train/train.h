// Training, calibration and evaluation of graphs on LibTorch: the plugin libqat_train.so.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "config/options.h"
#include "eval/classifier.h"
#include "ir/graph.h"

namespace qat::train {

// A range that calibration has chosen.
struct ChosenRange {
  std::string layer;  // "layer1.0.conv1._input_quantizer"
  double amax = 0;
  std::string calibrator;  // that gave it
  double clipped = 0;      // share of the values beyond it
  double snr_db = 0;       // signal to quantization noise
};

// What a long command tells its caller; the command line prints it, the library never does.
struct Report {
  std::function<void(const std::string& line)> info;  // a line worth keeping
  std::function<void(const std::string& line)> warn;  // what is probably not as the user meant it
  std::function<void(const ChosenRange&)> range;      // calibrate: each of them, in the network's order
  std::function<void(const std::string& label, int64_t done, int64_t total, const std::string& detail)> progress;
  std::function<bool()> interrupted;  // true: save and stop
  // Of several processes, another one is gone; told from another thread while this one may wait for it. Ends this
  // process with the error's code; an empty message is none of ours to say.
  std::function<void(const Error&)> lost;
};

struct TrainResult {
  double best_top1 = 0;  // on the selection split, per cent
  int64_t best_epoch = -1;
  std::filesystem::path best, last;
  bool interrupted = false;
  int rank = 0;  // of several processes, which this is: results are rank 0's to tell
};

struct Where {
  int threads = 0;             // 0: all
  std::string device = "cpu";  // cpu | cuda
};

class TrainPlugin {
 public:
  virtual ~TrainPlugin() = default;
  // Whether a launcher started this process, with others (docs/distributed.md). Throws Error(kUsage) where its
  // variables make no sense.
  virtual bool launched() = 0;
  // The checkpoint that resume continues. Throws Error(kUsage) where there is none.
  virtual std::filesystem::path last_checkpoint(const config::Options& options) = 0;
  // Trains or finetunes; resume continues the last checkpoint of options.outputs exactly.
  virtual TrainResult train(const config::Options& options, bool resume, const Report& report) = 0;
  // Places quantizers, collects histograms, chooses ranges; writes checkpoint_quant_calibrate.pth and returns its path;
  // an empty one on another rank than 0. Started by torchrun, mpirun or srun, train and calibrate work together with
  // the other processes.
  virtual std::filesystem::path calibrate(const config::Options& options, const Report& report) = 0;
  // where: threads and DEVICE.
  virtual std::unique_ptr<eval::Classifier> classifier(ir::Graph graph, const Where& where) = 0;
};

TrainPlugin& train_plugin();

}  // namespace qat::train
