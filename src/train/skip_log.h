// What DATA.BROKEN=skip left out, said to the user: a count and the first names, once for each pass that differs.
#pragma once

#include <map>
#include <string>

#include "data/loader.h"
#include "train/distributed/group.h"
#include "train/train.h"

namespace qat::train {

class SkipLog {
 public:
  explicit SkipLog(const Report& report) : report_(report) {}

  // On every rank. After a pass over `loader`: "training: 3 broken images left out (DATA.BROKEN=skip): [a.jpg] ...;
  // [b.jpg] ...". The same line again (the next epoch) is not repeated.
  void note(const std::string& pass, const data::Loader& loader, Group* group);

 private:
  const Report& report_;
  std::map<std::string, int64_t> said_;  // by pass: how many
};

}  // namespace qat::train
