// Parsing of command lines, tables, records and figures of the command line.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/outputs.h"
#include "cli/parse.h"
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/table.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;

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

TEST(Results, StagesByMetadataThenByName) {
  EXPECT_EQ(stage_of({{"stage", "calibrate"}}, "x.onnx"), "calibrated");
  EXPECT_EQ(stage_of({{"checkpoint", "checkpoint_quant_train_best.pth"}}, "x.onnx"), "QAT");
  EXPECT_EQ(stage_of({}, "outputs/checkpoint_normal_train_best.pth"), "original");
  EXPECT_EQ(stage_of({}, "outputs/x.pth"), "");
}

TEST(Results, RecordsAppendAndDamagedLinesAreSkipped) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_test_", getpid());
  config::Options options{.outputs = (folder / "deeper").string()};
  append_record(options, new_record("eval", "none.pth"));
  std::ofstream(folder / "deeper" / "results.jsonl", std::ios::app) << "{\"model\": \"x\", \"tru\n[1]\n\n";
  append_record(options, new_record("bench", "none.engine"));
  const std::vector<Json> records = read_records(options.outputs);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["command"], "eval");
  EXPECT_EQ(records[1]["model"], "none.engine");
  EXPECT_EQ(records[0]["hash"], "");
  fs::remove_all(folder);
}

// One model by three names, from three folders: one row.
TEST(Results, AReportKnowsAModelByItsPlace) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_report_", getpid());
  fs::create_directories(folder / "out");
  std::ofstream(folder / "out" / "a.engine") << "engine";
  const config::Options options{.outputs = (folder / "out").string()};
  Json eval = new_record("eval", folder / "out" / "." / "a.engine");
  eval["top1"] = 75.5;
  append_record(options, eval);
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  Json bench = new_record("bench", "./out/a.engine");
  bench["median_ms"] = 0.25;
  bench["device"] = nullptr;
  append_record(options, bench);
  fs::current_path(before);
  Context context;
  context.args.operands = {options.outputs};
  context.console = Console(Verbosity::kQuiet);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(report_command().run(context), 0);
  const std::string text = ::testing::internal::GetCapturedStdout();
  EXPECT_NE(text.find("75.500"), std::string::npos) << text;
  EXPECT_NE(text.find("0.2500"), std::string::npos) << text;
  EXPECT_EQ(text.find("a.engine"), text.rfind("a.engine")) << text;
  fs::remove_all(folder);
}

class Report : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  void add(const std::string& name, const Json& fields) const {
    std::ofstream(folder_ / name) << name;
    Json record = new_record(fields.contains("top1") ? "eval" : "bench", folder_ / name);
    record.update(fields);
    append_record({.outputs = folder_.string()}, record);
  }
  std::string text() const {
    Context context;
    context.args.operands = {folder_.string()};
    context.console = Console(Verbosity::kQuiet);
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(report_command().run(context), 0);
    return ::testing::internal::GetCapturedStdout();
  }

  const fs::path folder_ = fs::temp_directory_path() / cat("qat_cli_columns_", getpid());
};

TEST_F(Report, WhatAllRowsShareIsSaidOnce) {
  add("a.engine", {{"net", "resnet8"}, {"threads", 2}, {"median_ms", 1.0}, {"device", "CPU X"}});
  add("a.engine", {{"net", "resnet8"}, {"top1", 50.0}, {"data", "/d"}, {"split", "test"}});
  add("b.engine", {{"net", "resnet8"}, {"threads", 2}, {"median_ms", 2.0}, {"device", "CPU X"}});
  const std::string report = text();
  EXPECT_NE(report.find("\nresnet8; latency: median on CPU X, 2 threads; accuracy on /d\n"), std::string::npos)
      << report;
  for (const char* column : {" threads  ", "device", "net  ", "data"})
    EXPECT_EQ(report.substr(0, report.find('\n')).find(column), std::string::npos) << report;
}

TEST_F(Report, WhatRowsDoNotShareHasAColumn) {
  add("a.engine", {{"net", "resnet8"}, {"threads", 1}, {"median_ms", 1.0}, {"device", "CPU X"}});
  add("a.engine", {{"net", "resnet8"}, {"top1", 50.0}, {"data", "/cats"}, {"split", "test"}});
  add("b.engine", {{"net", "vgg16_bn"}, {"threads", 16}, {"median_ms", 2.0}, {"device", "CPU Y"}});
  add("b.engine", {{"net", "vgg16_bn"}, {"top1", 60.0}, {"data", "/dogs"}, {"split", "train"}});
  const std::string report = text();
  for (const char* word :
       {"net ", "resnet8", "vgg16_bn", "data", "/cats", "/dogs (train)", "threads", "16", "device", "CPU X", "CPU Y"})
    EXPECT_NE(report.find(word), std::string::npos) << word << "\n" << report;
  EXPECT_NE(report.find("\nlatency: median\n"), std::string::npos) << report;
}

TEST_F(Report, WhatARowDoesNotSayIsNotSaidOfIt) {
  add("a.engine", {{"net", "resnet8"}, {"threads", 2}, {"median_ms", 1.0}, {"device", "CPU X"}});
  add("b.engine", {{"median_ms", 2.0}, {"device", "CPU X"}});
  add("c.engine", {{"net", "resnet8"}, {"top1", 50.0}, {"data", "/d"}, {"split", "test"}});
  const std::string report = text(), header = report.substr(0, report.find('\n'));
  for (const char* column : {"net ", " threads  "}) EXPECT_NE(header.find(column), std::string::npos) << report;
  // Of c.engine no timing, of the others no accuracy: they are no different in these.
  for (const char* column : {"device", "data"}) EXPECT_EQ(header.find(column), std::string::npos) << report;
  EXPECT_NE(report.find("\nlatency: median on CPU X; accuracy on /d\n"), std::string::npos) << report;
}

// Asked before the work; the question leaves nothing.
TEST(Results, WhatCannotBeWrittenIsKnownBefore) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_before_", getpid());
  const auto code_of = [](const std::function<void()>& question) {
    try {
      question();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kOk;
  };
  fs::create_directories(folder / "a" / "results.jsonl");
  std::ofstream(folder / "file") << "x";
  const auto ask = [&](const fs::path& outputs) {
    return code_of([&] { check_record({.outputs = outputs.string()}); });
  };
  EXPECT_EQ(ask(folder / "a"), Code::kIo);
  EXPECT_EQ(ask(folder / "file"), Code::kIo);
  EXPECT_EQ(ask(folder / "new"), Code::kOk);
  EXPECT_FALSE(fs::exists(folder / "new"));
  const fs::path deep = folder / "b" / "c" / "x.onnx";
  EXPECT_EQ(code_of([&] { check_output(deep); }), Code::kOk);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2);
  make_folder_of(deep);
  EXPECT_EQ(code_of([&] { check_output(deep); }), Code::kOk);
  EXPECT_TRUE(fs::is_empty(folder / "b" / "c"));
  fs::create_symlink("nowhere", folder / "link");
  for (const char* place : {"file/x.onnx", "file/deep/x.onnx", "link/x.onnx", "b", "d/"}) {
    EXPECT_EQ(code_of([&] { check_output(folder / place); }), Code::kIo) << place;
  }
  EXPECT_EQ(code_of([&] { make_folder_of(folder / "file" / "x.onnx"); }), Code::kIo);
  fs::remove_all(folder);
}

TEST(Results, AFieldOfAnotherTypeNamesItsLine) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_types_", getpid());
  const config::Options options{.outputs = folder.string()};
  for (const char* fields : {R"("top1": "high")", R"("hash": 5)", R"("placeholder": 1)", R"("shape": [1])"}) {
    append_record(options, new_record("eval", "first.pth"));
    std::ofstream(folder / "results.jsonl", std::ios::app) << "{\"model\": \"x\", " << fields << "}\n";
    try {
      read_records(folder);
      ADD_FAILURE() << fields << " passed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
      EXPECT_NE(std::string(error.what()).find("results.jsonl:2: "), std::string::npos) << error.what();
    }
    fs::remove_all(folder);
  }
}

// The disk fills up in the middle of a line: nothing of it stays, and the next record is whole. A line torn by a power
// failure spoils itself only.
TEST(Results, AFullDiskLeavesNoTornLine) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_full_", getpid());
  const fs::path file = folder / "results.jsonl";
  const config::Options options{.outputs = folder.string()};
  append_record(options, new_record("eval", "first.pth"));
  const auto size = fs::file_size(file);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = size + 20, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_THROW(append_record(options, new_record("eval", "second.pth")), Error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(fs::file_size(file), size);
  std::ofstream(file, std::ios::app) << "{\"model\": \"torn";
  append_record(options, new_record("eval", "third.pth"));
  const std::vector<Json> records = read_records(options.outputs);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1]["model"], "third.pth");
  fs::remove_all(folder);
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
