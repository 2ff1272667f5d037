// libFuzzer target of the .pth parser: clang, -DQAT_FUZZ=ON, then bin/pth_fuzz corpus/.
#include "io/hostile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  qat::testing::accepts_pth({reinterpret_cast<const char*>(data), size});
  return 0;
}
