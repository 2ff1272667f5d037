// Fuzz target: any text given as a configuration is taken or refused with Error(kUsage), nothing else.
#include <cstdlib>

#include "base/error.h"
#include "config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    qat::config::Config config;
    qat::config::apply_yaml(config, {reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    qat::config::check(config.options);
  } catch (const qat::Error& error) {
    if (error.code() != qat::Code::kUsage) std::abort();
  }
  return 0;
}
