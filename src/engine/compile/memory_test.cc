// Memory at run time: a run of int8 steps allocates nothing, activations take little more than the largest pair of
// them, and engines that come and go leave nothing behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>

#include "engine/compile/test_networks.h"
#include "engine/plan/file.h"
#include "engine/runtime/extents.h"
#include "engine/runtime/session.h"
#include "zoo/zoo.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
std::atomic<int64_t> allocations{0};  // of all threads
}

// The C library's own, counted: operator new and every library of the process end up here.
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

void* malloc(size_t size) { return ++allocations, __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return ++allocations, __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return ++allocations, __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) { return ++allocations, __libc_memalign(alignment, size); }
}

namespace qat::engine {
namespace {

TEST(RunTimeMemory, ARunAllocatesNothing) {
  const int64_t before = allocations;
  const auto plan = std::make_shared<const Plan>();
  ASSERT_GT(allocations, before) << "the hook is not there";
  // Int8 throughout: the float library allocates.
  for (const char* name : {"resnet8", "mobilenet_v2", "squeeze_excite"}) {
    const ir::Graph graph = test::quantized_network(name);
    const auto engine = std::make_shared<const Plan>(test::build_int8(graph, {1, 3, 64, 64}, {2, 3, 64, 64}));
    const Tensor images = test::random_images({2, 3, 64, 64}, 9);
    for (const int threads : {1, 2}) {
      Session session(engine, {.threads = threads});
      session.bind({2, 3, 64, 64});
      std::vector<float> logits(static_cast<size_t>(count(session.output_shape(0))));
      const std::vector<float*> outputs{logits.data()};
      session.run(images.raw(), outputs);
      const int64_t start = allocations;
      for (int i = 0; i < 3; ++i) session.run(images.raw(), outputs);
      EXPECT_EQ(allocations - start, 0) << name << ", " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace qat::engine

#endif

namespace qat::engine {
namespace {

size_t bytes_of(const Plan& plan, const std::vector<Extents>& extents, int32_t id) {
  if (id < 0) return 0;
  const PlanTensor& t = plan.tensors[static_cast<size_t>(id)];
  return static_cast<size_t>(extents[static_cast<size_t>(id)].pixels() * pitch_of(t) * element_bytes(t.storage));
}

// The most that the input and the output of one step take.
size_t largest_pair(const Plan& plan, const std::vector<Extents>& extents) {
  size_t most = 0;
  for (const Step& s : plan.steps) {
    size_t input = 0;
    for (const int32_t id : s.inputs) input = std::max(input, bytes_of(plan, extents, id));
    most = std::max(most, input + bytes_of(plan, extents, s.output));
  }
  return most;
}

// Weights of zero: only sizes count. Placeholder scales, batch 1 and 8, 224 x 224.
TEST(RunTimeMemory, ActivationsTakeLittleMoreThanTheLargestPair) {
  std::vector<std::string> names = zoo::names();
  if (std::getenv("QAT_SLOW_TESTS") == nullptr) names = {"resnet8", "resnet50", "mobilenet_v2"};
  for (const std::string& name : names) {
    BuildRequest request{.graph = zoo::build(name, {.in_channels = 3, .classes = 1000, .height = 224, .width = 224}),
                         .profile = {{1, 3, 224, 224}, {1, 3, 224, 224}, {8, 3, 224, 224}},
                         .precision = "int8",
                         .tactic_seconds = 0};
    const auto plan = std::make_shared<const Plan>(build(std::move(request)).plan);
    for (const int64_t batch : {1, 8}) {
      const InputShape shape{batch, 3, 224, 224};
      Session session(plan, {.threads = 1});
      session.bind(shape);
      const size_t pair = largest_pair(*plan, infer_extents(*plan, shape));
      EXPECT_LE(static_cast<double>(session.arena_bytes()), 1.2 * static_cast<double>(pair)) << name << ", " << batch;
    }
  }
}

size_t resident_bytes() {
  size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * 4096;
}

// RELIABILITY 21. The first tenth fills caches of the C library.
TEST(RunTimeMemory, TenThousandEnginesComeAndGo) {
  const int cycles = std::getenv("QAT_SLOW_TESTS") == nullptr ? 200 : 10'000;
  const std::string path = testing::TempDir() + cat("/qat_cycles_", getpid(), ".engine");
  save_plan(path, test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {2, 3, 32, 32}));
  const Tensor images = test::random_images({1, 3, 32, 32}, 2);
  std::vector<float> first, logits;
  [[maybe_unused]] size_t settled = 0;
  for (int i = 0; i < cycles; ++i) {
    if (i == cycles / 10) settled = resident_bytes();
    Session session(std::make_shared<const Plan>(load_plan(path)), {.threads = 1 + i % 2});
    session.bind({1, 3, 32, 32});
    logits.resize(static_cast<size_t>(count(session.output_shape(0))));
    session.run(images.raw(), {logits.data()});
    if (i == 0) first = logits;
    ASSERT_EQ(logits, first) << "cycle " << i;
  }
#if !defined(__SANITIZE_ADDRESS__)  // which keeps freed memory back
  EXPECT_LE(resident_bytes(), settled + (size_t{1} << 20)) << "after " << cycles << " cycles";
#endif
  std::remove(path.c_str());
}

}  // namespace
}  // namespace qat::engine
