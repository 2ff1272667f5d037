// Hostile .pth and .safetensors files: hand-made pickles, every truncation, random mutations, memory bombs.
#include "io/hostile.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "base/random.h"
#include "io/pth/zip_writer.h"
#include "io/python_judge.h"

namespace qat::io {
namespace {

using qat::testing::accepts_pth;
using qat::testing::accepts_safetensors;
using qat::testing::TempFolder;

std::string archive(const std::string& pickle, const std::string& storage = std::string(24, '\1')) {
  const TempFolder folder;
  AtomicFile file(folder / "a.zip");
  ZipWriter zip(file);
  zip.add("archive/data.pkl", pickle);
  zip.add("archive/data/0", storage);
  zip.finish();
  file.commit();
  return read_file(folder / "a.zip");
}

std::string text(const std::string& s) { return cat('X', static_cast<char>(s.size()), std::string(3, '\0'), s); }
std::string byte(int n) { return cat('K', static_cast<char>(n)); }

// A pickle of one tensor, its parts given as opcodes.
struct TensorPickle {
  std::string type = "FloatStorage", key = "0", count = byte(6), offset = byte(0), size = byte(6) + "\x85",
              stride = byte(1) + "\x85";
  std::string code() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(key) +
           text("cpu") + count + "tQ" + offset + size + stride + "\x89" + "}tR";
  }
  std::string file() const { return archive("\x80\x02" + code() + "."); }
};

std::string error_of(const std::string& bytes) {
  try {
    parse_pth(qat::testing::in_memory(bytes));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
    EXPECT_EQ(std::string(error.what()).find_first_of("\n\r\x1b"), std::string::npos);
    return error.what();
  }
  return "accepted";
}

TEST(HostilePickle, TensorsReachOnlyTheirStorage) {
  const std::string huge("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 10), minus("\x8a\x01\xff", 3);
  const std::string pair = "\x86";
  EXPECT_EQ(error_of(TensorPickle{}.file()), "accepted");
  EXPECT_EQ(error_of(TensorPickle{.offset = byte(5), .size = byte(1) + "\x85"}.file()), "accepted");
  const auto refuse = [](const TensorPickle& pickle, const char* part) {
    EXPECT_NE(error_of(pickle.file()).find(part), std::string::npos) << part << "; got " << error_of(pickle.file());
  };
  refuse({.offset = byte(1)}, "past its storage");
  refuse({.offset = huge}, "overflow");
  refuse({.offset = minus}, "past its storage");
  refuse({.size = byte(7) + "\x85"}, "past its storage");
  refuse({.size = huge + "\x85"}, "overflow");
  refuse({.size = minus + "\x85"}, "natural number");
  refuse({.size = huge + huge + pair, .stride = byte(1) + byte(1) + pair}, "overflow");
  refuse({.stride = huge + "\x85"}, "overflow");
  refuse({.stride = minus + "\x85"}, "natural number");
  refuse({.stride = byte(2) + "\x85"}, "past its storage");
  refuse({.size = byte(2) + byte(3) + pair}, "differ in length");
  refuse({.size = text("x") + "\x85"}, "natural number");
  refuse({.count = byte(7)}, "expected 7 elements");
  refuse({.count = huge}, "overflow");
  refuse({.count = minus}, "expected -1 elements");
  refuse({.type = "LongStorage"}, "expected 6 elements");
  refuse({.type = "LongTensor"}, "torch.LongTensor");
  refuse({.key = "1"}, "missing");
  refuse({.key = "../0"}, "missing");
  // 2^40 elements from one by a stride of 0: 4 TiB.
  const std::string many("\x8a\x06\0\0\0\0\0\1", 8);
  refuse({.size = many + "\x85", .stride = byte(0) + "\x85"}, "memory");
  std::string dims = "(", ones = "(";
  for (int i = 0; i < 65; ++i) {
    dims += byte(1);
    ones += byte(1);
  }
  refuse({.size = dims + "t", .stride = ones + "t"}, "65 dimensions");
}

TEST(HostilePickle, BooleansMustBeZeroOrOne) {
  const TensorPickle pickle{.type = "BoolStorage", .count = byte(3), .size = byte(3) + "\x85"};
  EXPECT_EQ(error_of(archive(pickle.code() + ".", std::string("\0\1\1", 3))), "accepted");
  EXPECT_NE(error_of(archive(pickle.code() + ".", std::string("\0\1\2", 3))).find("booleans"), std::string::npos);
}

TEST(HostilePickle, NothingIsCalledThatIsNotListed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"cos\nsystem\n(" + text("true") + "tR.", "os.system"},
      {"cbuiltins\neval\n(" + text("1") + "tR.", "builtins.eval"},
      {"ctorch\nload\n)R.", "torch.load"},
      {"ccollections\nOrderedDict.__class__\n)R.", "collections.OrderedDict.__class__"},
      {text("posix") + text("system") + "\x93.", "posix.system"},
      {"c\x1b[31mred\n\x07\n.", "\\x1b[31mred.\\x07"},
      {"ctorch\nFloatStorage\n)R.", "storage class"},
      {"ccollections\nOrderedDict\n.", "class or a bare storage"},
      {text("x") + ")R.", "something to call"},
      {"ccollections\nOrderedDict\n]R.", "arguments of a call"},
      {"ccollections\nOrderedDict\n(]]tR.", "2 values"},
      {"ctorch\nSize\n)R.", "0 arguments"},
      {"ctorch._utils\n_rebuild_tensor_v2\n(NNNNtR.", "a storage in a tensor"},
      {"ctorch._utils\n_rebuild_parameter\n(N\x88}tR.", "a tensor in a parameter"},
      {"(" + text("storage") + "tQ.", "5 values"},
      {text("storage") + "Q.", "storage's description"},
      {"}]b.", "attributes"},
      {"]}b.", "a dict to set"},
      {"(ios\nsystem\n.", "opcode 105"},
      {")\x81.", "opcode 129"},
      {"P0\n.", "opcode 80"},
  };
  for (const auto& [pickle, part] : cases) {
    EXPECT_NE(error_of(archive(pickle)).find(part), std::string::npos) << part << "; got " << error_of(archive(pickle));
  }
}

TEST(HostilePickle, MalformedStacks) {
  for (const char* pickle : {".",
                             "",
                             "K",
                             "NN.",
                             "(N.",
                             "t.",
                             "N0.",
                             "0.",
                             "1.",
                             "2.",
                             "a.",
                             "]a.",
                             "e.",
                             "(e.",
                             "N(Ne.",
                             "s.",
                             "}s.",
                             "}Ns.",
                             "u.",
                             "}(Nu.",
                             "N(NNu.",
                             "h\x05.",
                             "q\x01.",
                             "\x94.",
                             "j....",
                             "r....",
                             "R.",
                             "b.",
                             "Q.",
                             "\x93.",
                             "\x85.",
                             "\x86.",
                             "\x87.",
                             "(N\x86.",
                             "\x8b\xff\xff\xff\xff.",
                             "\x8a\x09.........",
                             "\x80\x01N.",
                             "\x80\x06N.",
                             "X\xff\xff\xff\xff.",
                             "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
                             "X\x01\x01\x01\x01.",
                             "\x8c\x01\xff.",
                             "ctorch",
                             "ctorch\n",
                             "ctorch\nFloat",
                             "}(NNu.",
                             "}(]Nu.",
                             "}(K\x01NK\x01Nu.",
                             "}(K\x01N\x8c\x01\x31Nu.",
                             "}q\x01h\x01h\x01s."})
    EXPECT_NE(error_of(archive(pickle)), "accepted") << pickle;
}

TEST(HostilePickle, ErrorsTellTheByte) {
  EXPECT_EQ(error_of(archive("NN0\xff")),
            "data.pkl byte 3: unknown or forbidden pickle opcode 255; save plain values and "
            "tensors only, with torch.save and its default protocol");
}

// Doubling through the memo (a billion laughs), and each opcode that makes much out of one byte.
std::vector<std::string> bombs(size_t size) {
  std::string laughs = "]q\x01";
  for (int i = 0; i < 60; ++i)
    laughs +=
        "](h\x01h\x01h\x01h\x01"
        "eq\x01";
  std::string tensors = "]" + TensorPickle{}.code() + "q\x01(";
  while (tensors.size() < size) tensors += "h\x01";
  std::vector<std::string> pickles{laughs + ".", tensors + "e."};
  for (const char* unit : {"]", ")", "}", "N", "K\x01", "(", "]a", "]\x94", "2", "\x8c", "h\x01", "q\x01"}) {
    std::string pickle = "]q\x01";
    const std::string piece = std::string(unit) == "\x8c" ? std::string("\x8c\x01x", 3) : unit;
    if (piece != "(") pickle += "(";
    while (pickle.size() < size) pickle += piece;
    pickles.push_back(pickle + "e.");
    pickles.push_back(pickle);
  }
  std::string dict = "}(";
  for (size_t i = 0; dict.size() < size; ++i)
    dict += cat('\x8a', '\x04', std::string(reinterpret_cast<char*>(&i), 4), 'N');
  pickles.push_back(dict + "u.");
  return pickles;
}

// Peak memory of a child that parses the bytes, or that does nothing with them.
long peak_kib(const std::string& bytes, bool parse) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (parse) accepts_pth(bytes);
    ::_exit(0);
  }
  int status = 0;
  rusage usage{};
  ::wait4(child, &status, 0, &usage);
  EXPECT_TRUE(WIFEXITED(status));
  return usage.ru_maxrss;
}

TEST(HostilePickle, MemoryStaysUnderTwiceTheFilePlus64MiB) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  long worst = 0;
  for (const size_t size : {size_t{1} << 14, size_t{4} << 20}) {
    const std::vector<std::string> pickles = bombs(size);
    const long idle = peak_kib(pickles[0], false);
    for (const std::string& pickle : pickles) {
      const std::string bytes = archive(pickle);
      const long used = peak_kib(bytes, true) - idle;
      const auto limit = static_cast<long>((2 * bytes.size() + (size_t{64} << 20)) / 1024);
      EXPECT_LT(used, limit) << bytes.size() << " bytes: " << pickle.substr(0, 10);
      worst = std::max(worst, used - 2 * static_cast<long>(bytes.size() / 1024));
    }
  }
  std::printf("           worst: twice the file plus %.1f MiB\n", static_cast<double>(worst) / 1024);
}

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
