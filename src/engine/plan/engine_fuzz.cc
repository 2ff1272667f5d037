// Fuzz target: any bytes given to the engine reader make a plan whose every range can be read, or an Error.
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/hash.h"
#include "engine/plan/file.h"

namespace {

// Sums what the plan refers to: a range outside the file is seen by the sanitizer.
uint64_t touch(const qat::engine::Plan& plan) {
  uint64_t sum = 0;
  const auto add = [&](const qat::engine::Blob& blob) {
    for (const std::byte b : plan.bytes(blob)) sum += static_cast<uint64_t>(b);
  };
  for (const auto& tensor : plan.tensors) add(tensor.constant);
  for (const auto& step : plan.steps) {
    for (const auto& blob : step.blobs) add(blob);
  }
  return sum;
}

void read(const uint8_t* data, size_t size) {
  // 64-byte aligned, as a mapping is.
  const std::shared_ptr<void> copy(::operator new (size, std::align_val_t{64}),
                                   [](void* p) { ::operator delete (p, std::align_val_t{64}); });
  if (size > 0) std::memcpy(copy.get(), data, size);  // no bytes may be null
  try {
    const volatile uint64_t sum =
        touch(qat::engine::parse({static_cast<const std::byte*>(copy.get()), size}, copy, "fuzz.engine"));
    static_cast<void>(sum);
  } catch (const qat::Error& error) {
    if (error.code() != qat::Code::kBadFile && error.code() != qat::Code::kWrongMachine) std::abort();
  }
}

}  // namespace

// As it is, and with a checksum that fits, so that mutations get past it.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kChecksum = 8, kHashedFrom = 16;
  read(data, size);
  if (size < kHashedFrom) return 0;
  std::string fitted(reinterpret_cast<const char*>(data), size);
  const uint64_t sum = qat::hash64(data + kHashedFrom, size - kHashedFrom);
  std::memcpy(fitted.data() + kChecksum, &sum, sizeof sum);
  read(reinterpret_cast<const uint8_t*>(fitted.data()), size);
  return 0;
}
