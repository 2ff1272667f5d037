// Values of configuration keys as text: parsing with the checks of the schema, and the canonical spelling.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"

namespace qat::config {

// "bool", "int", "float", "string", "list of int", ...
std::string type_name(const Key& key);

// ">= 1 and <= 1e+06", "one of a, b", "" for anything.
std::string allowed_text(const Key& key);

// Sets a key from text: numbers, true / false / yes / no / on / off, strings as they are, lists as "[a, b]", "(a, b)"
// or "a,b". Throws Error(kUsage) "TRAIN.LR: expected a number > 0, got 'fast'" (without the place: the caller knows
// it).
void set_value(const Key& key, Options& options, std::string_view text);

// The same for a list whose items are already apart.
void set_items(const Key& key, Options& options, const std::vector<std::string>& items);

// Sets the key in `to` as it is in `from`.
void copy_value(const Key& key, Options& to, const Options& from);

bool is_list(const Key& key);
bool is_text(const Key& key);  // strings and lists of strings

// Canonical, as YAML reads it: numbers that read back to the same bits, strings quoted where YAML would take them for
// something else, lists in brackets.
std::string value_text(const Key& key, const Options& options);

}  // namespace qat::config
