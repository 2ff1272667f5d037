// The record of what was measured: see results.h.
#include "cli/results.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/cpu.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/outputs.h"

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

// results.jsonl, locked: processes take turns, so that what one of them takes back is its own line.
class RecordFile {
 public:
  explicit RecordFile(const fs::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0) fail(Code::kIo, "cannot write ", path.string(), ": ", std::strerror(errno), "; give another OUTPUTS");
    while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
    size_ = ::lseek(fd_, 0, SEEK_END);
  }
  ~RecordFile() { ::close(fd_); }  // unlocks
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  // The line, or nothing of it: a torn one would spoil the next line too.
  void append(const std::string& line) {
    const std::string text = (ends_torn() ? "\n" : "") + line + "\n";
    for (size_t done = 0; done < text.size();) {
      const ssize_t put = ::write(fd_, text.data() + done, text.size() - done);
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) {
        const int error = put < 0 ? errno : ENOSPC;
        static_cast<void>(::ftruncate(fd_, size_));
        fail(Code::kIo, "cannot write ", path_.string(), ": ", std::strerror(error), "; free disk space");
      }
      done += static_cast<size_t>(put);
    }
  }

 private:
  // The power failed in the middle of a line.
  bool ends_torn() const {
    char last = '\n';
    return size_ > 0 && ::pread(fd_, &last, 1, size_ - 1) == 1 && last != '\n';
  }

  const fs::path& path_;
  int fd_;
  off_t size_;
};

}  // namespace

std::string stage_of(const std::map<std::string, std::string>& metadata, const fs::path& path) {
  if (const auto stage = metadata.find("stage"); stage != metadata.end()) {
    if (stage->second == "normal") return "original";
    if (stage->second == "calibrate") return "calibrated";
    if (stage->second == "finetune") return "QAT";
  }
  if (const auto from = metadata.find("checkpoint"); from != metadata.end()) {
    if (std::string stage = stage_by_name(from->second); !stage.empty()) return stage;
  }
  return stage_by_name(path.filename().string());
}

std::string network_of(const std::map<std::string, std::string>& metadata) {
  const auto net = metadata.find("net");
  return net == metadata.end() ? "" : net->second;
}

std::string file_hash(const fs::path& path) {
  try {
    const std::shared_ptr<MappedFile> file = MappedFile::open(path);
    return hash_hex(file->bytes().data(), file->bytes().size());
  } catch (const Error&) {
    return "";
  }
}

fs::path canonical_path(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(path, error);
  return error ? path : whole;
}

Json new_record(const std::string& command, const fs::path& model) {
  return Json{{"time", now_text()},       {"command", command},
              {"model", model.string()},  {"path", canonical_path(model).string()},
              {"hash", file_hash(model)}, {"device", cpu().model}};
}

namespace {

fs::path record_path(const config::Options& options) { return fs::path(options.outputs) / "results.jsonl"; }

}  // namespace

void check_record(const config::Options& options) {
  const fs::path path = record_path(options);
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    const RecordFile opened(path);
  } else {
    check_output(path);
  }
}

fs::path append_record(const config::Options& options, const Json& record) {
  fs::path path = record_path(options);
  make_folder_of(path);
  RecordFile(path).append(json_text(record));
  return path;
}

namespace {

// Fields that `report` reads, as eval and bench write them.
constexpr std::array kTexts{"model", "path", "hash",      "command", "device", "kind",
                            "stage", "net",  "precision", "shape",   "data",   "split"};
constexpr std::array kNumbers{
    "top1", "top5", "images", "agreement", "median_ms", "gpu_median_ms", "images_per_second", "threads"};

void check_fields(const Json& record, const fs::path& path, size_t line) {
  const auto expect = [&](const char* field, bool right, const char* type) {
    if (!right) fail(Code::kBadFile, path.string(), ":", line, ": ", field, ": expected ", type, "; remove the line");
  };
  const auto of = [&record](const char* field) { return record.value(field, Json(nullptr)); };
  for (const char* field : kTexts) expect(field, of(field).is_null() || of(field).is_string(), "a string");
  for (const char* field : kNumbers) expect(field, of(field).is_null() || of(field).is_number(), "a number");
  expect("placeholder", of("placeholder").is_null() || of("placeholder").is_boolean(), "true or false");
}

}  // namespace

std::vector<Json> read_records(const fs::path& outputs) {
  const fs::path path = outputs / "results.jsonl";
  std::vector<Json> records;
  if (!fs::exists(path)) return records;
  size_t number = 0;
  for (const std::string& line : split(read_file(path), '\n')) {
    ++number;
    Json record = Json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("model")) continue;
    check_fields(record, path, number);
    Json known = Json::object();  // null: a number that was none
    for (const auto& [field, value] : record.items()) {
      if (!value.is_null()) known[field] = value;
    }
    if (known.contains("model")) records.push_back(std::move(known));
  }
  return records;
}

void refuse_overwriting(const fs::path& input, const fs::path& output) {
  std::error_code none;  // what does not exist is no other file either
  if (output == input || fs::equivalent(output, input, none)) {
    fail(Code::kUsage, output.string(), " is the input itself; give another name for what is written");
  }
}

fs::path require_file(const fs::path& path, const std::string& remedy) {
  if (!fs::exists(path)) fail(Code::kIo, "cannot open ", path.string(), ": no such file; ", remedy);
  return path;
}

}  // namespace qat::cli
