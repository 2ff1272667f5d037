// The plan's structure to and from the directory of an engine file (everything but header and blobs).
#pragma once

#include "engine/plan/plan.h"
#include "engine/plan/wire.h"

namespace qat::engine {

void write_directory(const Plan& plan, WireWriter& out);
void read_directory(WireReader& in, Plan& plan);

}  // namespace qat::engine
