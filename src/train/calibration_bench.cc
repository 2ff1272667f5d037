// Calibration beside the bare forward pass, interleaved batch by batch in one process; memory as images come.
//
// usage: calibration_bench [--device cpu|cuda] [--net resnet50] [--images 64] [--batch 16] [--size 224] [--threads 2]
// On a GPU the images' way there from the host's memory is part of the time.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "base/random.h"
#include "quant/calib/calibrator.h"
#include "quant/placement.h"
#include "train/graph_module.h"
#include "train/range_histograms.h"
#include "zoo/zoo.h"

namespace {

using namespace qat;

template <class Body>
double seconds(const Body& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double peak_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Tensor random_images(int64_t batch, int64_t size, uint64_t seed) {
  Tensor images(DType::kF32, {batch, 3, size, size});
  Random random(seed);
  for (float& x : images.data<float>()) x = static_cast<float>(random.normal());
  return images;
}

}  // namespace

int main(int argc, char** argv) try {
  std::map<std::string, std::string> flags{{"--net", "resnet50"}, {"--images", "64"}, {"--batch", "16"},
                                           {"--size", "224"},     {"--threads", "2"}, {"--device", "cpu"}};
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  const auto number = [&](const char* flag) { return std::stoll(flags[flag]); };
  const int threads = static_cast<int>(number("--threads"));
  const int64_t images = number("--images"), batch = number("--batch"), size = number("--size");

  ir::Graph net = zoo::build(flags["--net"], {.in_channels = 3, .classes = 1000, .height = size, .width = size});
  zoo::initialize(net, 1);
  const std::string where = flags["--device"];
  train::DevicePlugin* device = train::device_plugin(where);
  train::GraphModule plain(ir::clone(net), {.threads = threads, .device = where});
  train::GraphModule placed(quant::place(net, {}), {.threads = threads, .device = where});
  train::RangeHistograms histograms(placed.graph(), threads, device);
  const auto observe = [&](size_t quantizer, std::span<const float> values) { histograms.add(quantizer, values); };

  int64_t values = 0;  // the check: every value of every quantizer's input is counted, once
  double forward = 0, collect = 0;
  for (int64_t seen = -batch; seen < images; seen += batch) {
    const Tensor input = random_images(batch, size, static_cast<uint64_t>(seen + batch));
    if (seen < 0) {  // both once, untimed
      plain.logits(input);
      placed.observe(input, [&](size_t, std::span<const float> v) { values += static_cast<int64_t>(v.size()); });
      continue;
    }
    forward += seconds([&] { plain.logits(input); });
    collect += seconds([&] {
      placed.observe(input, observe);
      if (device != nullptr) histograms.merged(0);  // waits
    });
    const int64_t done = seen + batch;
    if ((done & (done - 1)) == 0) {
      std::printf("peak memory at %ld images: %.0f MiB\n", static_cast<long>(done), peak_mib());
    }
  }
  int64_t counted = 0;
  for (size_t i = 0; i < histograms.ranges().size(); ++i) counted += histograms.merged(i).total();
  const int64_t expected = values * ((images + batch - 1) / batch);
  if (counted != expected) {
    std::fprintf(stderr, "counted %ld values, expected %ld\n", static_cast<long>(counted), static_cast<long>(expected));
    return 1;
  }
  std::printf(
      "%s: %s %ldx%ld batch %ld threads %d: forward %.2f s, forward with histograms of %.0f M values %.2f s (%.3f)\n",
      device == nullptr ? "cpu" : device->name().c_str(), flags["--net"].c_str(), static_cast<long>(size),
      static_cast<long>(size), static_cast<long>(batch), threads, forward, static_cast<double>(counted) * 1e-6, collect,
      collect / forward);
  for (const std::string& name : quant::calibrator_names()) {
    const double choose = seconds([&] {
      for (size_t i = 0; i < histograms.ranges().size(); ++i) {
        quant::choose_range(histograms.merged(i), name, 99.99);
      }
    });
    std::printf("%-10s choosing %.3f s, in all %.3f s, %.3f times the bare forward pass\n", name.c_str(), choose,
                collect + choose, (collect + choose) / forward);
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "calibration_bench: %s\n", error.what());
  return 1;
}
