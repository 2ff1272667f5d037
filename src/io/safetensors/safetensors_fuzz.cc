// Fuzz target: any bytes given to the safetensors parser make tensors or an Error, nothing else.
#include "io/hostile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  qat::testing::accepts_safetensors({reinterpret_cast<const char*>(data), size});
  return 0;
}
