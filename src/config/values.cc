// Values of configuration keys as text: see values.h.
#include "config/values.h"

#include <array>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace qat::config {

namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // clang before 17 asks for it

Field field_of(const Key& key, const Options& options) {
  // Fields are read through the same accessors as they are written.
  return key.field(const_cast<Options&>(options));
}

std::string number_text(double x) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), x).ptr;
  return {text.data(), end};
}

[[noreturn]] void wrong(const Key& key, const char* expected, std::string_view got) {
  const std::string allowed = allowed_text(key);
  fail(Code::kUsage, key.name, ": expected ", expected, allowed.empty() ? "" : " ", allowed, ", got '", got, "'");
}

template <class T>
T parse_number(const Key& key, std::string_view text) {
  constexpr const char* kExpected = std::is_integral_v<T> ? "an integer" : "a number";
  T value{};
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) wrong(key, kExpected, text);
  const double x = static_cast<double>(value);
  const Allowed& allowed = key.allowed;
  const bool inside = std::isfinite(x) && x <= allowed.max && (allowed.above_min ? x > allowed.min : x >= allowed.min);
  if (!inside) wrong(key, kExpected, text);
  return value;
}

bool parse_bool(const Key& key, std::string_view text) {
  const std::string word = lower(text);
  if (word == "true" || word == "yes" || word == "on") return true;
  if (word == "false" || word == "no" || word == "off") return false;
  wrong(key, "true or false", text);
}

std::string parse_string(const Key& key, std::string_view text) {
  const std::vector<std::string>& choices = key.allowed.choices;
  if (choices.empty()) return std::string(text);
  for (const std::string& choice : choices) {
    if (choice == text) return choice;
  }
  const std::string near = closest(text, choices);
  fail(Code::kUsage, key.name, ": expected one of ", join(choices, ", "), ", got '", text, "'",
       near.empty() ? "" : cat("; did you mean ", near, "?"));
}

// Words that YAML 1.1 or 1.2 reads as something else than a string, and text with its special characters.
bool needs_quotes(const std::string& text) {
  static const std::vector<std::string> kWords{"true", "false", "yes", "no", "on", "off", "null", "~", ""};
  for (const std::string& word : kWords) {
    if (lower(text) == word) return true;
  }
  if (text.front() == '-' || text.front() == ' ' || text.back() == ' ') return true;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '/' || c == '.' || c == '-';
    if (!plain) return true;
  }
  double number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  return end == text.data() + text.size();
}

std::string quoted(const std::string& text) {
  if (!needs_quotes(text)) return text;
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') result += '\\';
    if (byte < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", byte);
      result += escape.data();
    } else {
      result += c;
    }
  }
  return result + '"';
}

}  // namespace

std::string type_name(const Key& key) {
  Options options;
  return std::visit(
      Overloaded{[](bool*) { return "bool"; }, [](int64_t*) { return "int"; }, [](uint64_t*) { return "int"; },
                 [](double*) { return "float"; }, [](std::string*) { return "string"; },
                 [](std::vector<int64_t>*) { return "list of int"; },
                 [](std::vector<double>*) { return "list of float"; },
                 [](std::vector<std::string>*) { return "list of string"; }},
      key.field(options));
}

std::string allowed_text(const Key& key) {
  const Allowed& allowed = key.allowed;
  if (!allowed.choices.empty()) return "one of " + join(allowed.choices, ", ");
  std::string text;
  if (std::isfinite(allowed.min)) text = cat(allowed.above_min ? "> " : ">= ", number_text(allowed.min));
  if (std::isfinite(allowed.max)) text += cat(text.empty() ? "" : " and ", "<= ", number_text(allowed.max));
  return text;
}

bool is_list(const Key& key) { return type_name(key).starts_with("list"); }
bool is_text(const Key& key) { return type_name(key).ends_with("string"); }

void set_items(const Key& key, Options& options, const std::vector<std::string>& items) {
  const auto fill = [&items](auto& list, auto parse) {
    list.clear();
    for (const std::string& item : items) list.push_back(parse(item));
  };
  const Field field = key.field(options);
  if (const auto* ints = std::get_if<std::vector<int64_t>*>(&field)) {
    fill(**ints, [&key](const std::string& item) { return parse_number<int64_t>(key, item); });
  } else if (const auto* numbers = std::get_if<std::vector<double>*>(&field)) {
    fill(**numbers, [&key](const std::string& item) { return parse_number<double>(key, item); });
  } else if (const auto* strings = std::get_if<std::vector<std::string>*>(&field)) {
    fill(**strings, [&key](const std::string& item) { return parse_string(key, item); });
  } else {
    wrong(key, type_name(key).c_str(), cat('[', join(items, ", "), ']'));
  }
}

void set_value(const Key& key, Options& options, std::string_view text) {
  if (is_list(key)) {
    std::string inner = trim(text);
    const bool brackets = inner.size() >= 2 && ((inner.front() == '[' && inner.back() == ']') ||
                                                (inner.front() == '(' && inner.back() == ')'));
    if (brackets) inner = trim(std::string_view(inner).substr(1, inner.size() - 2));
    if (inner.ends_with(',')) inner.pop_back();
    std::vector<std::string> items = split(inner, ',');
    for (std::string& item : items) {
      item = trim(item);
      const bool quotes =
          item.size() >= 2 && item.front() == item.back() && (item.front() == '"' || item.front() == '\'');
      if (quotes) item = item.substr(1, item.size() - 2);
    }
    return set_items(key, options, items);
  }
  std::visit(Overloaded{[&](bool* x) { *x = parse_bool(key, text); },
                        [&](int64_t* x) { *x = parse_number<int64_t>(key, text); },
                        [&](uint64_t* x) { *x = parse_number<uint64_t>(key, text); },
                        [&](double* x) { *x = parse_number<double>(key, text); },
                        [&](std::string* x) { *x = parse_string(key, text); }, [](auto*) {}},
             key.field(options));
}

void copy_value(const Key& key, Options& to, const Options& from) {
  const Field source = field_of(key, from);
  std::visit([&source](auto* into) { *into = *std::get<decltype(into)>(source); }, key.field(to));
}

std::string value_text(const Key& key, const Options& options) {
  const auto list = [](const auto& items, auto text) {
    std::vector<std::string> parts;
    parts.reserve(items.size());
    for (const auto& item : items) parts.push_back(text(item));
    return cat('[', join(parts, ", "), ']');
  };
  return std::visit(
      Overloaded{[](const bool* x) { return std::string(*x ? "true" : "false"); },
                 [](const int64_t* x) { return cat(*x); }, [](const uint64_t* x) { return cat(*x); },
                 [](const double* x) { return number_text(*x); }, [](const std::string* x) { return quoted(*x); },
                 [&](const std::vector<int64_t>* x) { return list(*x, [](int64_t i) { return cat(i); }); },
                 [&](const std::vector<double>* x) { return list(*x, number_text); },
                 [&](const std::vector<std::string>* x) { return list(*x, quoted); }},
      field_of(key, options));
}

}  // namespace qat::config
