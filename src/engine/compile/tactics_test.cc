// Choice of kernels: what a cache holds decides a build to the last byte.
#include "engine/compile/tactics.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "engine/compile/test_networks.h"
#include "engine/plan/file.h"

namespace qat::engine {
namespace {

namespace fs = std::filesystem;

std::string engine_bytes(const ir::Graph& graph, const std::string& precision, double seconds, const fs::path& cache) {
  BuildRequest request{.graph = graph, .precision = precision, .tactic_seconds = seconds, .timing_cache = cache};
  request.profile.opt = {2, 3, 64, 64};
  return serialize(build(std::move(request)).plan);
}

// "" where nothing was measured: float kernels have no rivals without bf16.
std::string content(const fs::path& cache) { return fs::exists(cache) ? read_file(cache) : ""; }

// `best` measures float against int8, of a file without quantizers fp32 against bf16; budget for all, and for next to
// nothing. The second build finds everything it asks for: the file of the cache stays as it was.
TEST(Tactics, TheSameCacheGivesTheSameEngine) {
  const fs::path cache = fs::path(testing::TempDir()) / cat("qat_tactics_", getpid());
  for (const bool quantized : {true, false}) {
    const ir::Graph graph = quantized ? test::quantized_network("resnet8") : test::float_network("resnet8");
    for (const std::string precision : {"best", "int8"}) {
      for (const double seconds : {1.0, 1e-9}) {
        fs::remove(cache);
        const std::string first = engine_bytes(graph, precision, seconds, cache), learnt = content(cache);
        for (int i = 0; i < 2; ++i) EXPECT_EQ(engine_bytes(graph, precision, seconds, cache), first) << precision;
        EXPECT_EQ(content(cache), learnt) << precision;
      }
    }
  }
  fs::remove(cache);
}

// A cache that says so makes the slowest kernel win: decisions come from it alone.
TEST(Tactics, ACacheOfOtherTimesChoosesOtherKernels) {
  const fs::path cache = fs::path(testing::TempDir()) / cat("qat_tactics_turned_", getpid());
  fs::remove(cache);
  const ir::Graph graph = test::quantized_network("resnet8");
  const std::string first = engine_bytes(graph, "int8", 1, cache);
  std::string turned = "qat timing cache 3\n";
  for (const std::string& line : split(read_file(cache), '\n')) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    turned += cat(1e6 / std::stod(line), line.substr(tab), "\n");
  }
  write_file(cache, turned);
  const std::string second = engine_bytes(graph, "int8", 1, cache);
  // Two kernels at least: of AVX-512 VNNI and of AVX-VNNI.
  if (isa() >= Isa::kAvx512Vnni && cpu().avx_vnni) {
    EXPECT_NE(second, first);
  }
  fs::remove(cache);
}

}  // namespace
}  // namespace qat::engine
