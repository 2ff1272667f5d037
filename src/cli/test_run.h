// For tests: a command line in this process, and what the shell would see of it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/run.h"

namespace qat::cli::test {

struct Outcome {
  int code = -1;
  std::string out, err;
};

// qat WORDS...
inline Outcome run_words(std::vector<std::string> words) {
  words.insert(words.begin(), "qat");
  std::vector<const char*> argv;
  argv.reserve(words.size());
  for (const std::string& word : words) argv.push_back(word.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Outcome outcome;
  outcome.code = run(static_cast<int>(argv.size()), argv.data());
  outcome.out = testing::internal::GetCapturedStdout();
  outcome.err = testing::internal::GetCapturedStderr();
  return outcome;
}

// This code, and one line on stderr that begins with "qat: " and holds `text`.
inline testing::AssertionResult fails_with(const Outcome& outcome, int code, const std::string& text) {
  const bool one_line = outcome.err.starts_with("qat: ") && outcome.err.find('\n') == outcome.err.size() - 1;
  if (outcome.code == code && one_line && outcome.err.find(text) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << "expected code " << code << " and one line with \"" << text << "\", got "
                                     << outcome.code << ":\n"
                                     << outcome.err;
}

}  // namespace qat::cli::test
