// Plain tables for the terminal and Markdown.
#pragma once

#include <string>
#include <vector>

namespace qat::cli {

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  // as many cells as the header has

  std::string text() const;      // two blanks between columns; columns of numbers to the right
  std::string markdown() const;  // | a | b |
};

std::string fixed(double value, int digits);  // "91.230"

}  // namespace qat::cli
