// What the user sees: see console.h.
#include "cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace qat::cli {

namespace {

constexpr double kRedraw = 0.1;     // seconds between two drawings of a bar
constexpr double kPlainLines = 15;  // seconds between two lines where there is no terminal
constexpr int64_t kBarCells = 24;

bool is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) == 1 && (term == nullptr || std::strcmp(term, "dumb") != 0);
}

size_t columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

std::string bar_text(int64_t done, int64_t total) {
  if (total <= 0) return cat(done);
  const int64_t full = std::clamp(done * kBarCells / total, int64_t{0}, kBarCells);
  std::string cells(static_cast<size_t>(full), '#');
  cells.resize(static_cast<size_t>(kBarCells), '.');
  return cat('[', cells, "] ", done, '/', total);
}

void write_stdout(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) return;
  fail(Code::kIo, "cannot write to standard output: ", std::strerror(errno));
}

}  // namespace

Console::Console(Verbosity verbosity, bool json) : verbosity_(verbosity), json_(json), terminal_(is_terminal()) {}

void Console::line(const std::string& text) {
  clear_bar();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void Console::info(const std::string& text) {
  if (verbosity_ != Verbosity::kQuiet) line(text);
}

void Console::verbose(const std::string& text) {
  if (verbosity_ == Verbosity::kVerbose) line(text);
}

void Console::warn(const std::string& text) { line("warning: " + text); }

void Console::clear_bar() {
  if (bar_) std::fprintf(stderr, "\r\033[K");
  bar_ = false;
}

void Console::progress(const std::string& label, int64_t done, int64_t total, const std::string& detail) {
  if (verbosity_ == Verbosity::kQuiet) return;
  const Clock::time_point now = Clock::now();
  if (label != label_) {
    label_ = label;
    started_ = drawn_ = now;
    started_at_ = done;
  }
  const double since = std::chrono::duration<double>(now - drawn_).count();
  if (since < (terminal_ ? kRedraw : kPlainLines)) return;
  drawn_ = now;
  std::string text = cat(label, ' ', bar_text(done, total));
  const double elapsed = std::chrono::duration<double>(now - started_).count();
  if (total > done && done > started_at_) {
    const double rest = elapsed / static_cast<double>(done - started_at_) * static_cast<double>(total - done);
    text += cat(", ", human_seconds(rest), " left");
  }
  if (!detail.empty()) text += cat("  ", detail);
  if (!terminal_) return line(text);
  text.resize(std::min(text.size(), columns() - 1));
  std::fprintf(stderr, "\r%s\033[K", text.c_str());
  std::fflush(stderr);
  bar_ = true;
}

void Console::result(const std::string& text, const std::string& object) {
  clear_bar();
  write_stdout(json_ ? object + "\n" : text);
}

void Console::text(const std::string& lines) {
  if (json_) return;
  clear_bar();
  write_stdout(lines);
}

void print_error(std::string message) {
  // Names in a file may hold anything; an error is one line and draws nothing on the terminal.
  for (char& c : message) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  const char* no_color = std::getenv("NO_COLOR");
  const bool color = is_terminal() && (no_color == nullptr || *no_color == '\0');
  if (is_terminal()) std::fprintf(stderr, "\r\033[K");
  std::fprintf(stderr, "%sqat: %s%s\n", color ? "\033[31m" : "", message.c_str(), color ? "\033[0m" : "");
}

std::string human_seconds(double seconds) {
  std::array<char, 48> text{};
  const auto whole = std::llround(seconds);
  if (seconds < 9.95) {
    std::snprintf(text.data(), text.size(), "%.1f s", seconds);
  } else if (whole < 60) {
    std::snprintf(text.data(), text.size(), "%d s", static_cast<int>(whole));
  } else if (whole < 3600) {
    std::snprintf(text.data(), text.size(), "%d min %02d s", static_cast<int>(whole / 60),
                  static_cast<int>(whole % 60));
  } else {
    std::snprintf(text.data(), text.size(), "%lld h %02d min", static_cast<long long>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  }
  return text.data();
}

}  // namespace qat::cli
