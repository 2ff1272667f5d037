// Damaged .pth and .safetensors files: every truncation is refused, random mutations never crash.
#include <chrono>

#include "base/random.h"
#include "io/hostile.h"
#include "io/python_judge.h"

namespace qat::io {
namespace {

using qat::testing::accepts_pth;
using qat::testing::accepts_safetensors;
using qat::testing::TempFolder;

// Small files of each format that use every feature.
std::string small_pth() {
  PyDict state, file;
  state.emplace_back("a", PyValue{.data = Tensor::from<float>({1, 2, 3, 4}, {2, 2})});
  state.emplace_back("b", PyValue{.data = Tensor::from<int64_t>({7}, {})});
  file.emplace_back("state_dict", PyValue{.data = state});
  file.emplace_back("list",
                    PyValue{.data = PyList{PyValue{.data = 0.5}, PyValue{.data = int64_t{1} << 40}, PyValue{}}});
  const TempFolder folder;
  write_pth(folder / "a.pth", PyValue{.data = file});
  return read_file(folder / "a.pth");
}

std::string small_safetensors() {
  Safetensors content;
  content.tensors.emplace_back("a", Tensor::from<float>({1, 2, 3, 4}, {2, 2}));
  content.tensors.emplace_back("b", Tensor::from<int64_t>({7}, {}));
  content.metadata["format"] = "pt";
  const TempFolder folder;
  write_safetensors(folder / "a.safetensors", content);
  return read_file(folder / "a.safetensors");
}

TEST(Truncation, EveryLengthIsRefused) {
  const std::string pth = small_pth(), safetensors = small_safetensors();
  EXPECT_TRUE(accepts_pth(pth) && accepts_safetensors(safetensors));
  for (size_t size = 0; size < pth.size(); ++size) EXPECT_FALSE(accepts_pth(pth.substr(0, size))) << size;
  for (size_t size = 0; size < safetensors.size(); ++size)
    EXPECT_FALSE(accepts_safetensors(safetensors.substr(0, size))) << size;
}

// Zeroes the checksums, as torch.serialization.set_crc32_options(False) does, so that mutations get past them.
std::string without_checksums(std::string bytes) {
  for (const auto& [signature, at] : {std::pair<std::string, size_t>{"PK\x03\x04", 14}, {"PK\x01\x02", 16}}) {
    for (size_t i = bytes.find(signature); i != std::string::npos; i = bytes.find(signature, i + 1))
      bytes.replace(i + at, 4, 4, '\0');
  }
  return bytes;
}

std::string mutated(std::string bytes, Random& random) {
  const int64_t edits = 1 + random.below(4);
  for (int64_t i = 0; i < edits && !bytes.empty(); ++i) {
    const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())));
    const auto length = static_cast<size_t>(1 + random.below(8));
    switch (random.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random.bits());
        break;
      case 2:
        bytes[at] = "\0\1\x7f\x80\xff(t"[random.below(7)];
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes, static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size()))), length);
        break;
      default:
        bytes.replace(at, std::min<size_t>(4, bytes.size() - at), std::min<size_t>(4, bytes.size() - at), '\xff');
    }
  }
  return bytes;
}

TEST(Mutation, NeverCrashes) {
  static constexpr int kRuns = 100'000;
  static constexpr auto kLimit = std::chrono::seconds(15);
  const auto begin = std::chrono::steady_clock::now();
  const std::string pth = small_pth(), bare = without_checksums(pth), safetensors = small_safetensors();
  ASSERT_TRUE(accepts_pth(bare));
  Random random(11);
  int runs = 0, accepted = 0;
  for (; runs < kRuns && std::chrono::steady_clock::now() - begin < kLimit; ++runs) {
    // Most edits go to the pickle: the first 300 bytes behind its header.
    std::string head = bare.substr(64, 300);
    accepted += accepts_pth(bare.substr(0, 64) + mutated(head, random).substr(0, 300) + bare.substr(364)) ? 1 : 0;
    if (runs % 4 == 0) accepted += accepts_pth(mutated(pth, random)) ? 1 : 0;
    if (runs % 4 == 1) accepted += accepts_pth(mutated(bare, random)) ? 1 : 0;
    if (runs % 4 == 2) accepted += accepts_safetensors(mutated(safetensors, random)) ? 1 : 0;
  }
  std::printf("           %d rounds, %d files still valid\n", runs, accepted);
  EXPECT_GT(runs, 1000);
}

}  // namespace
}  // namespace qat::io
