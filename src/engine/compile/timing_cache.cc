// The timing cache's file: "microseconds<TAB>key" a line.
#include <unistd.h>

#include <cstdlib>
#include <iomanip>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "engine/compile/build.h"
#include "engine/compile/tactic_key.h"
#include "engine/compile/tactics.h"

namespace qat::engine {

namespace {

constexpr std::string_view kHeader = "qat timing cache 3", kAnyVersion = "qat timing cache ";
constexpr int kDigits = 6;  // of an entry

// Before the build, too, which may find all that it needs.
std::string not_kept(const std::string& why) {
  return cat("what this build measures, if anything, is not kept: ", why);
}

// A file that is to stay as it is is one that nobody may write, root either.
bool is_read_only(const std::filesystem::path& path) {
  using std::filesystem::perms;
  constexpr perms kWrite = perms::owner_write | perms::group_write | perms::others_write;
  std::error_code failed;
  const perms now = std::filesystem::status(path, failed).permissions();
  return failed || (now & kWrite) == perms::none || access(path.c_str(), W_OK) != 0;
}

struct CacheFile {
  explicit CacheFile(const std::filesystem::path& path) {
    std::error_code ignored;
    if (path.empty() || !std::filesystem::exists(path, ignored)) return;
    try {
      content = read_file(path);
    } catch (const Error& error) {
      problem = not_kept(error.what());
      return;
    }
    if (!content.empty() && !content.starts_with(kAnyVersion)) {
      problem =
          cat(path.string(), " is no timing cache and stays as it is; name another file to keep what is measured");
    } else if (is_read_only(path)) {
      problem = not_kept(cat(path.string(), " is read-only; name another file to keep it"));
    }
  }
  std::string content, problem;  // problem: why it stays as it is, ""
};

}  // namespace

TimingCache::TimingCache(std::filesystem::path path) : path_(std::move(path)) {
  const CacheFile file(path_);
  problem_ = file.problem;
  std::istringstream in(file.content);
  std::string line;
  std::getline(in, line);
  if (line != kHeader) return;
  while (std::getline(in, line)) {
    const size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const double microseconds = std::strtod(line.c_str(), nullptr);
    if (microseconds > 0) entries_[line.substr(tab + 1)] = microseconds;
  }
}

std::optional<double> TimingCache::find(const std::string& key) const {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

void TimingCache::add(const std::string& key, double microseconds) {
  entries_[key] = rounded_time(microseconds, kDigits);
  changed_ = true;
}

std::string TimingCache::save() const {
  if (path_.empty() || !changed_) return "";
  if (!problem_.empty()) return problem_;
  std::ostringstream out;
  out << std::setprecision(kDigits) << kHeader << '\n';
  for (const auto& [key, microseconds] : entries_) out << microseconds << '\t' << key << '\n';
  try {
    write_file(path_, out.str());
  } catch (const Error& error) {
    return not_kept(error.what());
  }
  return "";
}

std::string timing_cache_note(const std::filesystem::path& path) {
  if (path.empty()) return "";
  if (const CacheFile file(path); !file.problem.empty()) return file.problem;
  try {
    check_writable(path);
  } catch (const Error& error) {
    return not_kept(error.what());
  }
  return "";
}

}  // namespace qat::engine
