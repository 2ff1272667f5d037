// Broken and hostile files: each refused with Error(kBadFile) and one line, none crashes.
#include <sys/stat.h>

#include "base/file.h"
#include "io/onnx/testing.h"

namespace qat::onnxio::testing {
namespace {

// The message of the refusal; "" when there is none.
template <class Read>
std::string refusal_by(const Read& read) {
  try {
    read();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  return "";
}

std::string refusal(const std::string& file) {
  return refusal_by([&] { onnx().read(file); });
}

void expect_refused(const std::string& file, const std::string& part) {
  EXPECT_NE(refusal(file).find(part), std::string::npos) << "expected \"" << part << "\" in: " << refusal(file);
}

// A small quantized network of ours.
std::string small_file(const TempFolder& folder) {
  ir::Graph graph;
  const auto x = graph.add_input("input", {ir::kDynamic, 1, 6, 6});
  const auto range = graph.add_buffer("conv._input_quantizer._amax", Tensor::from<float>({2.0f}, {1}));
  const auto q = graph.add_node(ir::Op::kFakeQuant, "conv._input_quantizer", {x, range}, ir::FakeQuantAttrs{});
  const auto weight = graph.add_parameter("conv.weight", random_images({2, 1, 3, 3}));
  const auto conv = graph.add_node(ir::Op::kConv, "conv", {q, weight}, ir::ConvAttrs{});
  const auto clip = graph.add_node(ir::Op::kClip, "clip", {conv}, ir::ClipAttrs{});
  const auto pool = graph.add_node(ir::Op::kGlobalAvgPool, "pool", {clip});
  graph.outputs = {graph.add_node(ir::Op::kFlatten, "output", {pool}, ir::AxisAttrs{})};
  graph.metadata = {{"mean", "0.5"}, {"std", "0.5"}};
  onnx().write(folder / "small.onnx", graph, {});
  return folder / "small.onnx";
}

TEST(Refuse, EveryTruncation) {
  TempFolder folder;
  const std::string whole = read_file(small_file(folder));
  ASSERT_EQ(refusal(folder / "small.onnx"), "");
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(folder / "cut.onnx", std::ios::binary).write(whole.data(), static_cast<int64_t>(length));
    ASSERT_NE(refusal(folder / "cut.onnx"), "") << length << " of " << whole.size() << " bytes";
  }
}

// One to four bytes changed at random: read or refused, whatever comes out, but nothing else.
TEST(Refuse, RandomBytesNeverCrash) {
  TempFolder folder;
  const std::string whole = read_file(small_file(folder));
  Random random(17);
  int refused = 0;
  const int rounds = slow_tests() ? 100000 : 1500;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = whole;
    for (int64_t i = random.below(4); i >= 0; --i) {
      bytes[static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())))] =
          static_cast<char>(random.below(256));
    }
    std::ofstream(folder / "bytes.onnx", std::ios::binary) << bytes;
    refused += !refusal(folder / "bytes.onnx").empty();
  }
  EXPECT_GT(refused, rounds / 4);
}

// A length-delimited field of protobuf's wire format.
std::string field(int number, const std::string& content) {
  std::string out(1, static_cast<char>(number << 3 | 2));
  size_t length = content.size();
  for (; length > 127; length >>= 7) out += static_cast<char>((length & 127) | 128);
  return out + static_cast<char>(length) + content;
}

TEST(Refuse, WhatIsNoModel) {
  TempFolder folder;
  write_file(folder / "text.onnx", "this is not a model, whatever its name says");
  expect_refused(folder / "text.onnx", "text.onnx: broken or truncated");
  EXPECT_THROW(onnx().read(folder / "missing.onnx"), Error);
  write_file(folder / "an.engine", "\x89QATENG\n and what follows");
  expect_refused(folder / "an.engine", "an.engine: is an engine");
  // Two million empty nodes in 4 MB, which would take 300 MB to parse; then subgraphs nested deeper than any model's.
  const std::string node("\x0a\x00", 2);
  std::string nodes;
  for (int i = 0; i < 2'000'000; ++i) nodes += node;
  write_file(folder / "nodes.onnx", "\x08\x08" + field(7, nodes));
  expect_refused(folder / "nodes.onnx", "more than");
  std::string deep;
  for (int i = 0; i < 2000; ++i) deep = field(1, field(5, field(6, deep)));  // node, attribute, its subgraph
  write_file(folder / "deep.onnx", "\x08\x08" + field(7, deep));
  EXPECT_NE(refusal(folder / "deep.onnx"), "");
}

struct Broken {
  const char *what, *message;
};

constexpr Broken kBroken[] = {
    {"cycle", "is part of a cycle"},
    {"missing_input", "[nobody] is read but nobody makes it"},
    {"twice", "[g] two values have this name"},
    {"wrong_size", "[w] expected 432 bytes"},
    {"huge", "[w]: size overflows"},
    {"negative", "[w] negative extent -4"},
    {"channels", "expected 5 input channels, got 3"},
    {"opset", "opset 6 is not supported"},
    {"two_inputs", "expected one input (the images), got 2: x, extra"},
    {"extent", "[x] expected positive extents, got 0"},
    {"pads", "expected pads of 0 to 1048576, got -1"},
    {"strides", "expected strides of 1 to 1048576, got 0"},
    {"zero_scale", "expected positive finite scales, got 0"},
    {"negative_scale", "expected positive finite scales, got -1"},
    {"nan_scale", "expected positive finite scales, got nan"},
    {"inf_scale", "expected positive finite scales, got inf"},
    {"other_scale", "expected the scale and zero point of its QuantizeLinear"},
    {"lone_q", "reads a quantized tensor without DequantizeLinear"},
    {"lone_dq", "dequantizes what no QuantizeLinear made"},
    {"int16", "quantizes to i16"},
    {"nan_weight", "[value w] 2 of 108 numbers are NaN or infinite"},
    {"sequence", "[x] expected a tensor"},
    // All at once, with their names.
    {"unsupported", "3 unsupported operators: [Erf first]; [LSTM second]; [Softplus third]"},
};

TEST(Refuse, BrokenGraphs) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  std::string commands;
  for (const Broken& broken : kBroken) {
    commands += cat(commands.empty() ? "" : " , ", "script broken:", broken.what, " ", folder / broken.what);
  }
  ASSERT_TRUE(judge(commands));
  for (const Broken& broken : kBroken) expect_refused(folder / broken.what, broken.message);
}

TEST(Refuse, ExternalDataOutsideItsPlace) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  const std::string data(432, '\x11');
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_directory(folder / "models");
  write_file(folder / "outside.bin", data);
  write_file(folder / "models/w.bin", data);
  std::filesystem::create_directory(folder / "models/sub");
  write_file(folder / "models/sub/w.bin", data);
  std::filesystem::create_symlink(folder / "outside.bin", folder / "models/link.bin");
  std::filesystem::create_directory_symlink(folder / "sub", folder / "models/linked");
  write_file(folder / "sub/w.bin", data);
  ASSERT_EQ(mkfifo((folder / "models/fifo").c_str(), 0600), 0);
  const std::pair<std::string, std::string> cases[] = {
      {"w.bin", ""},
      {"sub/w.bin", ""},
      {"w.bin:0:432", ""},
      {folder / "outside.bin", "must be a path relative to the model's folder"},
      {"../outside.bin", "leaves the model's folder"},
      {"sub/../../outside.bin", "leaves the model's folder"},
      {"link.bin", "goes through a symbolic link"},
      {"linked/w.bin", "goes through a symbolic link"},
      {"fifo", "is not a regular file"},
      {"sub", "is not a regular file"},
      {"none.bin", "No such file"},
      {"w.bin:1", "expected 432 bytes at 1, the file has 432"},
      {"w.bin:9223372036854775807", "overflows"},
      {"w.bin:-1", "expected a number of bytes"},
      {"w.bin:0:431", "expected 432 bytes for this shape, got 431"},
      {"w.bin:0x10", "expected a number of bytes"},
  };
  std::string commands;
  for (size_t i = 0; i < std::size(cases); ++i) {
    commands += cat(i == 0 ? "" : " , ", "script external:", cases[i].first, " ", folder / cat("models/", i, ".onnx"));
  }
  ASSERT_TRUE(judge(commands));
  for (size_t i = 0; i < std::size(cases); ++i) {
    const std::string file = folder / cat("models/", i, ".onnx");
    if (cases[i].second.empty()) {
      EXPECT_EQ(refusal(file), "") << cases[i].first;
    } else {
      expect_refused(file, cases[i].second);
    }
    // The check for other readers knows no types, so no sizes; the places are judged alike.
    const bool size_only = cases[i].first == "w.bin:1" || cases[i].first == "w.bin:0:431";
    const std::string other = refusal_by([&] { onnx().check_external(file); });
    EXPECT_EQ(other.empty(), size_only || cases[i].second.empty()) << cases[i].first << ": " << other;
  }
}

// Where our own reader does not look: a subgraph's initializer, two locations for one tensor.
TEST(Refuse, ExternalDataInHiddenPlaces) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  ASSERT_TRUE(judge(cat("script nested:/etc/passwd ", folder / "nested.onnx", " , script nested:w.bin ",
                        folder / "inside.onnx", " , script located_twice ", folder / "twice.onnx")));
  write_file(folder / "w.bin", std::string(16, '\x11'));
  const auto check = [&](const char* name) { return refusal_by([&] { onnx().check_external(folder / name); }); };
  EXPECT_NE(check("nested.onnx").find("must be a path relative to the model's folder"), std::string::npos);
  EXPECT_EQ(check("inside.onnx"), "");
  EXPECT_NE(check("twice.onnx").find("location is given twice"), std::string::npos) << check("twice.onnx");
  expect_refused(folder / "twice.onnx", "location is given twice");
}

}  // namespace
}  // namespace qat::onnxio::testing
