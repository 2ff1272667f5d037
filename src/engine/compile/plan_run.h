// Whole runs of a finished plan, for timing it.
#pragma once

#include <vector>

#include "engine/runtime/session.h"

namespace qat::engine {

class PlanRun {
 public:
  // The plan must outlive it. threads: 0 takes all.
  PlanRun(const Plan& plan, int threads, const InputShape& shape);

  double seconds();               // of one run
  std::vector<double> by_step();  // seconds of one run

 private:
  Session session_;
  std::vector<float> input_;
  std::vector<std::vector<float>> outputs_;
  std::vector<float*> pointers_;
};

}  // namespace qat::engine
