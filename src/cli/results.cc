// The record of what was measured: see results.h.
#include "cli/results.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

std::string stage_by_name(const std::string& name) {
  if (name.find("calibrate") != std::string::npos) return "calibrated";
  if (name.find("quant_train") != std::string::npos) return "QAT";
  if (name.find("normal") != std::string::npos) return "original";
  return "";
}

}  // namespace

std::string stage_of(const std::map<std::string, std::string>& metadata, const fs::path& path) {
  if (const auto stage = metadata.find("stage"); stage != metadata.end()) {
    if (stage->second == "normal") return "original";
    if (stage->second == "calibrate") return "calibrated";
    if (stage->second == "finetune") return "QAT";
  }
  if (const auto from = metadata.find("checkpoint"); from != metadata.end()) {
    if (const std::string stage = stage_by_name(from->second); !stage.empty()) return stage;
  }
  return stage_by_name(path.filename().string());
}

std::string file_hash(const fs::path& path) {
  try {
    const std::shared_ptr<MappedFile> file = MappedFile::open(path);
    return hash_hex(file->bytes().data(), file->bytes().size());
  } catch (const Error&) {
    return "";
  }
}

Json new_record(const std::string& command, const fs::path& model) {
  return Json{{"time", now_text()},
              {"command", command},
              {"model", model.string()},
              {"hash", file_hash(model)},
              {"device", cpu().model}};
}

void append_record(const config::Options& options, const Json& record) {
  const fs::path path = fs::path(options.outputs) / "results.jsonl";
  std::error_code ignored;  // the open below says what is wrong
  fs::create_directories(path.parent_path(), ignored);
  const std::string line = record.dump() + "\n";
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) fail(Code::kIo, "cannot write ", path.string(), ": ", std::strerror(errno), "; give another OUTPUTS");
  // One write of one line: lines of several processes do not mix.
  const ssize_t written = ::write(fd, line.data(), line.size());
  const int error = written < 0 ? errno : ENOSPC;
  ::close(fd);
  if (written != static_cast<ssize_t>(line.size())) {
    fail(Code::kIo, "cannot write ", path.string(), ": ", std::strerror(error), "; free disk space");
  }
}

std::vector<Json> read_records(const fs::path& outputs) {
  const fs::path path = outputs / "results.jsonl";
  std::vector<Json> records;
  if (!fs::exists(path)) return records;
  for (const std::string& line : split(read_file(path), '\n')) {
    Json record = Json::parse(line, nullptr, false);
    if (record.is_object() && record.contains("model") && record["model"].is_string()) {
      records.push_back(std::move(record));
    }
  }
  return records;
}

fs::path require_file(const fs::path& path, const std::string& remedy) {
  if (!fs::exists(path)) fail(Code::kIo, "cannot open ", path.string(), ": no such file; ", remedy);
  return path;
}

}  // namespace qat::cli
