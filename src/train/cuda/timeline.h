// Events between the parts of a captured step: what each kind of work takes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/cuda/check.h"
#include "train/cuda/program/program.h"

namespace qat::train::cuda {

class EventTimeline final : public Timeline {
 public:
  explicit EventTimeline(cudaStream_t stream) : stream_(stream) {}
  ~EventTimeline() override {
    for (const Mark& mark : marks_) cudaEventDestroy(mark.event);
  }
  EventTimeline(const EventTimeline&) = delete;
  EventTimeline& operator=(const EventTimeline&) = delete;

  void mark(const char* kind, const char* direction) override {
    Mark mark{.name = *direction == 0 ? kind : std::string(kind) + ", " + direction};
    check(cudaEventCreate(&mark.event), "event");
    // External: a node of the graph that records when it runs.
    check(cudaEventRecordWithFlags(mark.event, stream_, cudaEventRecordExternal), "record");
    marks_.push_back(std::move(mark));
  }

  // After the step is done. By name, each from the mark before it.
  std::map<std::string, double> milliseconds() const {
    std::map<std::string, double> sums;
    for (size_t i = 1; i < marks_.size(); ++i) {
      float ms = 0;
      check(cudaEventElapsedTime(&ms, marks_[i - 1].event, marks_[i].event), "elapsed");
      sums[marks_[i].name] += static_cast<double>(ms);
    }
    return sums;
  }

 private:
  struct Mark {
    std::string name;
    cudaEvent_t event = nullptr;
  };
  cudaStream_t stream_;
  std::vector<Mark> marks_;
};

}  // namespace qat::train::cuda
