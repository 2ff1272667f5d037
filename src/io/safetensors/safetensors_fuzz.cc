// libFuzzer target of the safetensors parser: clang, -DQAT_FUZZ=ON, then bin/safetensors_fuzz corpus/.
#include "io/hostile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  qat::testing::accepts_safetensors({reinterpret_cast<const char*>(data), size});
  return 0;
}
