// qat report: a row for each model, and what rows share said once.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "cli/command.h"
#include "cli/results.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;

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

}  // namespace
}  // namespace qat::cli
