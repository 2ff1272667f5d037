// The timing cache's file: "microseconds<TAB>key" a line.
#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "engine/compile/tactics.h"

namespace qat::engine {

namespace {

constexpr const char* kHeader = "qat timing cache 1";

}  // namespace

TimingCache::TimingCache(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::exists(path_, ignored)) return;
  std::istringstream in(read_file(path_));
  std::string line;
  std::getline(in, line);
  if (line != kHeader) {
    fail(Code::kBadFile, path_.string(), " is no timing cache of this qat; delete it or name another file");
  }
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
  entries_[key] = microseconds;
  changed_ = true;
}

void TimingCache::save() const {
  if (path_.empty() || !changed_) return;
  std::ostringstream out;
  out << kHeader << '\n';
  for (const auto& [key, microseconds] : entries_) out << microseconds << '\t' << key << '\n';
  write_file(path_, out.str());
}

}  // namespace qat::engine
