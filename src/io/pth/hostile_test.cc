// Hostile .pth files: pickles made by hand, each refused with one line that says what and where.
#include "io/hostile.h"

#include "io/pth/pickle_testing.h"

namespace qat::io {
namespace {

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
      {"ccollections\nOrderedDict\n.", "holds a class"},
      {"ctorch\nfloat32\n)R.", "a type of numbers"},
      {"ctorch\nfloat33\n.", "torch.float33"},
      {"(" + text("storage") + "ctorch\nfloat32\n" + text("0") + text("cpu") + "K\x01tQ.", "a storage's class"},
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

}  // namespace
}  // namespace qat::io
