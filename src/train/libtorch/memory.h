// How the process keeps the memory of a training step.
#pragma once

namespace qat::train {

// Once a process. The C library otherwise returns every freed activation to the kernel, which clears its pages for the
// next step anew.
void keep_freed_memory();

}  // namespace qat::train
