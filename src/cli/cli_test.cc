// Parsing of command lines, tables, stored options and figures of the command line.
#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/parse.h"
#include "cli/stored_config.h"
#include "cli/table.h"

namespace qat::cli {
namespace {

std::vector<Command> commands() {
  return {build_command(), eval_command(), compare_command(), bench_command(), report_command()};
}

std::optional<Parsed> parse_words(const std::vector<Command>& all, std::vector<const char*> words) {
  words.insert(words.begin(), "qat");
  return parse(all, static_cast<int>(words.size()), words.data());
}

std::string error_of(const std::vector<const char*>& words) {
  const std::vector<Command> all = commands();
  try {
    parse_words(all, words);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kUsage);
    return e.what();
  }
  return "no error";
}

TEST(Parse, OperandsFlagsAndOverrides) {
  const std::vector<Command> all = commands();
  const auto parsed =
      parse_words(all, {"eval", "x.pth", "EVAL.BATCH", "7", "--threads=3", "EVAL.MIN_TOP1=50", "--json"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->command->name, "eval");
  const Context& context = parsed->context;
  EXPECT_EQ(context.args.operand(0), "x.pth");
  EXPECT_EQ(context.options().eval.batch, 7);
  EXPECT_EQ(context.options().eval.threads, 3);
  EXPECT_EQ(context.options().eval.min_top1, 50);
  EXPECT_TRUE(context.console.json());
  EXPECT_EQ(context.config.source("EVAL.BATCH"), "command line");
}

TEST(Parse, ListsMayHaveBrackets) {
  const std::vector<Command> all = commands();
  for (const char* list : {"[0.5,0.25,0.125]", "0.5,0.25,0.125"}) {
    const auto parsed = parse_words(all, {"eval", "DATA.MEAN", list, "DATA.STD", "1,1,1"});
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->context.options().data.mean, (std::vector<double>{0.5, 0.25, 0.125}));
  }
}

TEST(Parse, TrtexecFlagsSetKeys) {
  const std::vector<Command> all = commands();
  const auto one =
      parse_words(all, {"build", "--onnx=a.onnx", "--saveEngine", "b.engine", "--int8", "--minShapes=input:1x3x64x64"});
  EXPECT_EQ(one->context.options().build.onnx, "a.onnx");
  EXPECT_EQ(one->context.options().build.engine, "b.engine");
  EXPECT_EQ(one->context.options().build.precision, "int8");
  EXPECT_EQ(one->context.options().build.min_shapes, "input:1x3x64x64");
  const auto both = parse_words(all, {"build", "--int8", "--fp16"});
  EXPECT_EQ(both->context.options().build.precision, "best");
  EXPECT_NE(error_of({"build", "--int8", "--fp32"}).find("--fp32 is float only"), std::string::npos);
  const auto passes = parse_words(all, {"build", "--disable-pass=a,b"});
  EXPECT_EQ(passes->context.options().build.disable_pass, (std::vector<std::string>{"a", "b"}));
}

TEST(Parse, WrongWordsAreNamedWithTheNearest) {
  EXPECT_NE(error_of({"evel"}).find("did you mean eval?"), std::string::npos);
  EXPECT_NE(error_of({"eval", "--thread=1"}).find("did you mean --threads?"), std::string::npos);
  EXPECT_NE(error_of({"eval", "a", "b"}).find("unexpected word 'b'"), std::string::npos);
  EXPECT_NE(error_of({"build", "a.onnx"}).find("unexpected word 'a.onnx'; did you mean --onnx=a.onnx?"),
            std::string::npos);
  EXPECT_NE(error_of({"bench", "a.engine", "iterations", "5"}).find("'iterations'; did you mean --iterations? usage"),
            std::string::npos);
  EXPECT_NE(error_of({"build", "int8"}).find("did you mean --int8?"), std::string::npos);
  EXPECT_NE(error_of({"build", "onnx=a.onnx"}).find("did you mean --onnx?"), std::string::npos);
  EXPECT_NE(error_of({"eval", "eval.batch", "3"}).find("did you mean EVAL.BATCH?"), std::string::npos);
  EXPECT_NE(error_of({"eval", "EVAL.BATCH", "many"}).find("expected an integer"), std::string::npos);
  EXPECT_NE(error_of({"eval", "--threads"}), "no error");
  EXPECT_NE(error_of({"report", "outputs", "outputs", "x"}).find("did you mean OUTPUTS?"), std::string::npos);
  EXPECT_NE(error_of({"report", "outputs=x"}).find("did you mean OUTPUTS?"), std::string::npos);
  const std::vector<Command> all = commands();
  EXPECT_EQ(parse_words(all, {"report", "outputs"})->context.args.operand(0), "outputs");
  EXPECT_NE(error_of({}), "no error");
}

TEST(Parse, NumbersOfFlags) {
  const Args args{.flags = {{"--a", "1.5"}, {"--b", "x"}, {"--c", "-1"}, {"--d", "nan"}}};
  EXPECT_EQ(args.number("--a", 0), 1.5);
  EXPECT_EQ(args.number("--none", 7), 7);
  EXPECT_THROW(args.number("--b", 0), Error);
  EXPECT_THROW(args.number("--c", 0), Error);
  EXPECT_THROW(args.number("--d", 0), Error);
}

TEST(Table, TextAndMarkdown) {
  const Table table{.header = {"name", "ms"}, .rows = {{"a", "1.5"}, {"longer", "10"}}};
  EXPECT_EQ(table.text(), "name     ms\na       1.5\nlonger   10\n");
  EXPECT_EQ(table.markdown(), "| name | ms |\n| --- | --- |\n| a | 1.5 |\n| longer | 10 |\n");
}

TEST(StoredConfig, FillsInWhatTheUserDidNotSay) {
  const std::map<std::string, std::string> metadata{
      {"config", "DATA: {PATH: /there, SIZE: 224, RESIZE: 256, MEAN: [0.5], STD: [0.25], AUGMENT: crop}"}};
  config::Config config;
  config::apply_overrides(config, {"DATA.RESIZE=230"});
  const config::DataOptions data = with_stored_data(config, metadata).data;
  EXPECT_EQ(data.size, 224);
  EXPECT_EQ(data.resize, 230);
  EXPECT_EQ(data.mean, std::vector<double>{0.5});
  EXPECT_EQ(data.path, "/there");
  EXPECT_EQ(data.augment, "none");
  config::apply_overrides(config, {"DATA.TEST=/here"});
  EXPECT_EQ(with_stored_data(config, metadata).data.path, "");
  EXPECT_EQ(with_stored_data(config, {{"config", "]"}}).data.size, 0);
}

TEST(StoredConfig, AResumedRunKeepsItsOptions) {
  const std::map<std::string, std::string> metadata{
      {"config", "OUTPUTS: old\nTRAIN: {LR: 0.25, CHECKPOINT: \"a: b.pth\", STEPS: [3, 5]}\nDATA: {PATH: /there}"}};
  config::Config config;
  config::apply_overrides(config, {"DATA.PATH=/here", "OUTPUTS=moved"});
  const config::Options options = with_stored_run(config, metadata);
  EXPECT_EQ(options.train.lr, 0.25);
  EXPECT_EQ(options.train.checkpoint, "a: b.pth");
  EXPECT_EQ(options.train.steps, (std::vector<int64_t>{3, 5}));
  EXPECT_EQ(options.data.path, "/here");
  EXPECT_EQ(options.outputs, "moved");
}

TEST(Console, Seconds) {
  EXPECT_EQ(human_seconds(2.54), "2.5 s");
  EXPECT_EQ(human_seconds(59.4), "59 s");
  EXPECT_EQ(human_seconds(63), "1 min 03 s");
  EXPECT_EQ(human_seconds(3723), "1 h 02 min");
}

}  // namespace
}  // namespace qat::cli
