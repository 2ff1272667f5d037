// The timing cache's file: "microseconds<TAB>key" a line.
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

bool is_foreign(const std::string& content) { return !content.empty() && !content.starts_with(kAnyVersion); }

std::string foreign_note(const std::filesystem::path& path) {
  return cat(path.string(), " is no timing cache and stays as it is; name another file to keep what is measured");
}

// Before the build, too, which may find all that it needs.
std::string unwritable_note(const Error& error) {
  return cat("what this build measures, if anything, is not kept: ", error.what());
}

}  // namespace

TimingCache::TimingCache(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return;
  const std::string content = read_file(path_);
  foreign_ = is_foreign(content);
  std::istringstream in(content);
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
  if (foreign_) return foreign_note(path_);
  std::ostringstream out;
  out << std::setprecision(kDigits) << kHeader << '\n';
  for (const auto& [key, microseconds] : entries_) out << microseconds << '\t' << key << '\n';
  try {
    write_file(path_, out.str());
  } catch (const Error& error) {
    return unwritable_note(error);
  }
  return "";
}

std::string timing_cache_note(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.empty()) return "";
  if (std::filesystem::exists(path, ignored) && is_foreign(read_file(path))) return foreign_note(path);
  try {
    check_writable(path);
  } catch (const Error& error) {
    return unwritable_note(error);
  }
  return "";
}

}  // namespace qat::engine
