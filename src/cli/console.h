// What the user sees: results on stdout, everything else on stderr, progress bars on terminals only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace qat::cli {

enum class Verbosity { kQuiet, kNormal, kVerbose };

class Console {
 public:
  explicit Console(Verbosity verbosity = Verbosity::kNormal, bool json = false);

  bool json() const { return json_; }
  Verbosity verbosity() const { return verbosity_; }

  void info(const std::string& line);     // unless --quiet
  void verbose(const std::string& line);  // with --verbose
  void warn(const std::string& line);     // always

  // A bar that is redrawn in place on a terminal; elsewhere a plain line now and then. total 0: unknown.
  void progress(const std::string& label, int64_t done, int64_t total, const std::string& detail);

  // A result of the command: the text, or the object with --json. Throws Error(kIo) when stdout cannot take it; a
  // closed pipe is no error.
  void result(const std::string& text, const std::string& object);
  // A part of a long text result that is shown at once; nothing with --json.
  void text(const std::string& lines);

 private:
  using Clock = std::chrono::steady_clock;

  void line(const std::string& text);
  void clear_bar();

  Verbosity verbosity_;
  bool json_;
  bool terminal_;
  bool bar_ = false;
  int64_t started_at_ = 0;
  std::string label_;
  Clock::time_point started_, drawn_;
};

// Text of an error as one line, in red on a terminal unless NO_COLOR is set.
void print_error(std::string message);

// 3723 -> "1 h 02 min", 63 -> "1 min 03 s", 2.5 -> "2.5 s".
std::string human_seconds(double seconds);

}  // namespace qat::cli
