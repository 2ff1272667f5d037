// An exponential moving average of weights and running statistics (TRAIN.EMA), evaluated and saved in their place.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace qat::train {

class WeightAverage {
 public:
  // decay 0: off, every call does nothing. Ranges of quantizers are not averaged.
  WeightAverage(ir::Graph& graph, double decay);

  // a = d a + (1 - d) w with d = min(decay, (1 + step) / (10 + step)), so that early averages follow.
  void update(int64_t step);

  // While it lives, the graph holds the averages.
  class InPlace {
   public:
    explicit InPlace(WeightAverage& average) : average_(average) { average_.swap(); }
    ~InPlace() { average_.swap(); }
    InPlace(const InPlace&) = delete;
    InPlace& operator=(const InPlace&) = delete;

   private:
    WeightAverage& average_;
  };

  const std::map<std::string, std::vector<float>>& values() const { return values_; }
  // Throws Error(kBadFile) when names or sizes differ.
  void restore(std::map<std::string, std::vector<float>> values);

 private:
  void swap();
  ir::Graph& graph_;
  double decay_;
  std::vector<ir::ValueId> averaged_;
  std::map<std::string, std::vector<float>> values_;
};

}  // namespace qat::train
