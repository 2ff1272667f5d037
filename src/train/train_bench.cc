// Time of one training step, float and quantized, interleaved; medians, beside which the peer script's are put. Then
// the rate of evaluation, the quantized one exact.
//
// usage: train_bench [--device cpu|cuda] [--net resnet20] [--batch 128] [--size 28] [--channels 1] [--classes 10]
//        [--steps 15] [--threads 2] [--ranges moving] [--weight-ranges step] [--profile 1] [--evaluate 20] [--split 1]
//        [--sync-bn 1] [--losses 1]
// Started by a launcher (docs/distributed.md), processes train together: --batch images each, or with --split 1 in all.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "base/measure.h"
#include "base/random.h"
#include "quant/placement.h"
#include "train/distributed/session.h"
#include "train/learner.h"
#include "zoo/zoo.h"

namespace {

using namespace qat;

struct Arm {
  std::string name;
  train::Learner learner;
  std::vector<double> ms;
  std::vector<double> losses = {};  // by step
  int64_t steps = 0;
  double peak_gib = 0;
  int64_t all_images = 0;  // of a step, of all processes
  std::map<std::string, double> profile = {};
};

void read(Arm& arm, const std::vector<train::StepOutcome>& outcomes) {
  for (const train::StepOutcome& outcome : outcomes) {
    if (!outcome.not_finite.empty()) {
      std::fprintf(stderr, "%s: %s is not finite in step %ld\n", arm.name.c_str(), outcome.not_finite.c_str(),
                   static_cast<long>(outcome.step));
      std::exit(1);
    }
    arm.losses.push_back(outcome.loss);
  }
}

// Milliseconds of a step, over `count` of them: a GPU's are queued, the last one is waited for.
double run_steps(Arm& arm, const data::Batch& batch, int64_t count) {
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i)
    read(arm, arm.learner.step(batch, {.step = arm.steps++, .lr = 0.01, .all_images = arm.all_images}));
  if (arm.learner.device() != nullptr) read(arm, arm.learner.device()->finish());
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() /
         static_cast<double>(count);
}

// Images a second of `count` batches.
double evaluation_rate(Arm& arm, const data::Batch& batch, int64_t count) {
  arm.learner.synchronize();
  arm.learner.module().logits(batch.images);
  const auto start = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < count; ++i) arm.learner.module().logits(batch.images);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return static_cast<double>(count * batch.size()) / seconds;
}

double gib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

data::Batch random_batch(int64_t batch, int64_t size, int64_t channels, int64_t classes) {
  data::Batch result{.images = Tensor(DType::kU8, {batch, size, size, channels}), .labels = {}, .indices = {}};
  Random random(3);
  for (uint8_t& x : result.images.data<uint8_t>()) x = static_cast<uint8_t>(random.below(256));
  for (int64_t i = 0; i < batch; ++i) result.labels.push_back(random.below(classes));
  return result;
}

// Images [n rank / ranks, n (rank + 1) / ranks).
data::Batch part_of(const data::Batch& batch, int64_t rank, int64_t ranks) {
  const int64_t n = batch.size(), begin = n * rank / ranks, end = n * (rank + 1) / ranks;
  const int64_t image = batch.images.size() / n;
  Shape shape = batch.images.shape();
  shape[0] = end - begin;
  data::Batch part{.images = Tensor(DType::kU8, shape), .labels = {}, .indices = {}};
  const auto from = batch.images.data<uint8_t>();
  std::copy(from.begin() + begin * image, from.begin() + end * image, part.images.data<uint8_t>().begin());
  part.labels.assign(batch.labels.begin() + begin, batch.labels.begin() + end);
  return part;
}

using train::Group;
using Flags = std::map<std::string, std::string>;

void run(Flags flags, const config::Options& options, Group* group) {
  const auto number = [&](const char* flag) { return std::stoll(flags[flag]); };
  const int64_t ranks = group == nullptr ? 1 : group->size();
  const int64_t size = number("--size"), channels = number("--channels"), classes = number("--classes");
  data::Batch batch = random_batch(number("--batch"), size, channels, classes);
  const int64_t all_images = number("--split") != 0 ? batch.size() : batch.size() * ranks;
  if (number("--split") != 0) batch = part_of(batch, group == nullptr ? 0 : group->rank(), ranks);
  ir::Graph net =
      zoo::build(flags["--net"], {.in_channels = channels, .classes = classes, .height = size, .width = size});
  zoo::initialize(net, 1);
  ir::Graph placed = quant::place(net, {});
  for (ir::NodeId id : quant::activation_quantizers(placed)) {
    placed.value(placed.nodes[static_cast<size_t>(id)].inputs[1]).data.data<float>()[0] = 4.0f;
  }
  train::DevicePlugin* device = train::device_plugin(options.device);
  const int64_t per_sample = device == nullptr ? 1 : 5;  // a GPU's steps overlap: several are timed together
  std::vector<std::unique_ptr<Arm>> arms;
  for (auto& [name, graph] : {std::pair<std::string, ir::Graph*>{"float", &net}, {"fake-quant", &placed}}) {
    // What the arm before keeps does not count: read twice, the peak is what is held now.
    if (device != nullptr) device->peak_memory();
    const int64_t held = device != nullptr ? device->peak_memory() : 0;
    arms.push_back(
        std::make_unique<Arm>(Arm{name, train::Learner(std::move(*graph), options, group), {}, {}, 0, 0, all_images}));
    run_steps(*arms.back(), batch, 3);
    if (device != nullptr) arms.back()->peak_gib = gib(device->peak_memory() - held);
  }
  for (int64_t sample = 0; sample < number("--steps") / per_sample; ++sample) {
    for (auto& arm : arms) arm->ms.push_back(run_steps(*arm, batch, per_sample));
  }
  for (auto& arm : arms) {  // on all ranks: it is a step
    if (number("--profile") != 0 && device != nullptr) arm->profile = arm->learner.device()->profile();
  }
  if (group != nullptr && group->rank() != 0) return;
  const double base = median(arms[0]->ms);
  std::printf("%s\n", device == nullptr ? "cpu" : device->name().c_str());
  for (const auto& arm : arms) {
    std::printf(
        "%s %ldx%ld batch %ld threads %s %-10s %7.2f ms/step  %8.0f images/s  %.2fx of float  peak %.2f GiB  "
        "loss %.6f\n",
        flags["--net"].c_str(), static_cast<long>(size), static_cast<long>(size), static_cast<long>(all_images),
        flags["--threads"].c_str(), arm->name.c_str(), median(arm->ms),
        1000.0 * static_cast<double>(all_images) / median(arm->ms), median(arm->ms) / base, arm->peak_gib,
        arm->losses.back());
  }
  for (const auto& arm : arms) {
    if (number("--losses") == 0) continue;
    std::printf("  %-10s losses", arm->name.c_str());
    for (const double loss : arm->losses) std::printf(" %.6f", loss);
    std::printf("\n");
  }
  for (const auto& arm : arms) {
    if (number("--evaluate") == 0) continue;
    std::printf("  %-10s evaluation %9.0f images/s\n", arm->name.c_str(),
                evaluation_rate(*arm, batch, number("--evaluate")));
  }
  for (const auto& arm : arms) {
    if (arm->profile.empty()) continue;
    double sum = 0;
    for (const auto& [kind, ms] : arm->profile) {
      std::printf("  %-10s %-40s %7.2f ms\n", arm->name.c_str(), kind.c_str(), ms);
      sum += ms;
    }
    std::printf("  %-10s %-40s %7.2f ms\n", arm->name.c_str(), "sum", sum);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  Flags flags{{"--device", "cpu"}, {"--net", "resnet20"},       {"--batch", "128"},
              {"--size", "28"},    {"--channels", "1"},         {"--classes", "10"},
              {"--steps", "15"},   {"--threads", "2"},          {"--ranges", "moving"},
              {"--profile", "0"},  {"--weight-ranges", "step"}, {"--split", "0"},
              {"--sync-bn", "0"},  {"--evaluate", "0"},         {"--losses", "0"}};
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  config::Options options;
  options.device = flags["--device"];
  options.train.threads = std::stoll(flags["--threads"]);
  options.train.ranges = flags["--ranges"], options.train.weight_ranges = flags["--weight-ranges"];
  options.train.sync_bn = flags["--sync-bn"] != "0";
  options.data.mean = {0.5}, options.data.std = {0.25};
  const train::Report report{.info = {}, .progress = {}, .interrupted = {}, .lost = [](const Error& error) {
                               std::fprintf(stderr, "train_bench: %s\n", error.what());
                               std::_Exit(1);
                             }};
  train::with_session(options, report,
                      [&](const train::Session& session) { run(flags, session.options, session.group); });
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "train_bench: %s\n", error.what());
  return 1;
}
