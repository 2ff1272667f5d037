// Runs a fuzz target over a saved corpus, without libFuzzer: replay FOLDER. Each file as it is, then mutated in ways
// that are the same in every run. A target that does not return cleanly ends the program.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

namespace fs = std::filesystem;

constexpr int64_t kMutants = 300;  // of each file

// In a buffer of exactly this size, so that the sanitizer sees a byte read past its end.
void execute(const std::string& bytes) {
  std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

// One to four edits: a byte, a field of four, a piece cut out or doubled, the end cut off.
std::string mutated(std::string bytes, qat::Random& random) {
  for (int64_t edits = 1 + random.below(4); edits > 0 && !bytes.empty(); --edits) {
    const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())));
    const size_t length = std::min<size_t>(static_cast<size_t>(1 + random.below(8)), bytes.size() - at);
    switch (random.below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random.bits());
        break;
      case 2:
        bytes.replace(at, std::min<size_t>(4, bytes.size() - at), 4, "\0\x7f\x80\xff"[random.below(4)]);
        break;
      case 3:
        bytes.erase(at, length);
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return EXIT_FAILURE;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::fprintf(stderr, "%s\n", file.c_str());  // the last line names the culprit
    const std::string bytes = qat::read_file(file);
    execute(bytes);
    qat::Random random(7, static_cast<uint64_t>(bytes.size()));
    for (int64_t i = 0; i < kMutants; ++i) execute(mutated(bytes, random));
  }
  if (files.empty()) std::fprintf(stderr, "%s holds no corpus\n", argv[1]);
  return files.empty() ? EXIT_FAILURE : EXIT_SUCCESS;
}
