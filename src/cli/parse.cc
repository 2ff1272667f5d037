// From argv to a command, with CLI11: see parse.h.
#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "base/error.h"
#include "config/schema.h"

namespace qat::cli {

namespace {

constexpr const char* kVersion = "qat 0.1.0";

// Flags that every command takes.
std::vector<Flag> common_flags() {
  return {{"--config", "FILE", "YAML file of options (configs/)"},
          {"--device", "cpu|cuda", "where it runs", "DEVICE"},
          {"--json", "", "results as one JSON object"},
          {"--quiet", "", "results and errors only"},
          {"--verbose", "", "say more"}};
}

struct Bound {
  const Command* command;
  std::vector<Flag> flags;
  std::map<std::string, std::string> values;
  std::vector<std::string> words;
  CLI::App* app = nullptr;
};

std::string usage_of(const Command& command) {
  return cat("qat ", command.name, command.operands.empty() ? "" : " ", command.operands, " [FLAGS] [KEY VALUE ...]");
}

// CLI11 knows nothing of operands and overrides: the usage line is ours.
class UsageFormatter : public CLI::Formatter {
 public:
  explicit UsageFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_usage(const CLI::App* app, std::string name) const override {
    (void)app;
    (void)name;
    return cat("Usage: ", usage_, "\n");
  }

 private:
  std::string usage_;
};

void add_command(CLI::App& app, Bound& bound) {
  bound.flags = bound.command->flags;
  for (Flag& flag : common_flags()) bound.flags.push_back(std::move(flag));
  bound.app = app.add_subcommand(bound.command->name, bound.command->summary);
  bound.app->formatter(std::make_shared<UsageFormatter>(usage_of(*bound.command)));
  bound.app->footer("Any option of `qat config` can follow as KEY VALUE or KEY=VALUE.");
  for (const Flag& flag : bound.flags) {
    if (flag.value.empty()) {
      bound.app->add_flag_callback(
          flag.name, [&bound, name = flag.name] { bound.values[name] = ""; }, flag.help);
    } else {
      bound.app
          ->add_option_function<std::string>(
              flag.name, [&bound, name = flag.name](const std::string& value) { bound.values[name] = value; },
              flag.help)
          ->type_name(flag.value);
    }
  }
  bound.app->add_option("words", bound.words)->group("");
}

// Several types, as trtexec has it: the fastest of those allowed. --fp32 is float only.
void allow_all_given(std::map<std::string, std::string>& values, Args& args) {
  for (const char* name : {"--int8", "--fp16", "--bf16", "--best"}) {
    if (values.contains(name)) args.flags[name] = "";
  }
  if (!args.flags.empty() && values.contains("--fp32")) {
    fail(Code::kUsage, "--fp32 is float only and does not go with ", args.flags.begin()->first,
         "; leave it out: layers without int8 are float anyway");
  }
  if (args.flags.size() > 1) {
    for (const auto& flag : args.flags) values.erase(flag.first);
    values["--best"] = "";
  }
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// "iterations" is --iterations, "a.onnx" what --onnx takes; "" for other words.
std::string flag_meant(const std::vector<Flag>& flags, const std::string& word) {
  const auto find = [&flags](const std::string& name) {
    return std::find_if(flags.begin(), flags.end(), [&name](const Flag& flag) { return flag.name == "--" + name; });
  };
  if (const auto flag = find(word.substr(0, word.find('='))); flag != flags.end()) return flag->name;
  const size_t dot = word.rfind('.');
  if (dot == std::string::npos) return "";
  const auto flag = find(word.substr(dot + 1));
  return flag == flags.end() || flag->value.empty() ? "" : cat(flag->name, '=', word);
}

// Operands first, then overrides: "x.pth EVAL.BATCH 10". Values after their key are no operands.
void sort_words(const Bound& bound, Args& args, std::vector<std::string>& overrides) {
  for (size_t i = 0; i < bound.words.size(); ++i) {
    const std::string& word = bound.words[i];
    if (config::is_override(word)) {
      overrides.push_back(word);
      if (word.find('=') == std::string::npos && i + 1 < bound.words.size()) overrides.push_back(bound.words[++i]);
      continue;
    }
    const std::string key = upper(word.substr(0, word.find('=')));
    const bool place_left = args.operands.size() < bound.command->max_operands;  // then "outputs" is the folder
    if (config::find_key(key) != nullptr && (!place_left || word.find_first_of(".=") != std::string::npos)) {
      fail(Code::kUsage, "command line: keys are in capitals; did you mean ", key, "?");
    }
    if (place_left) {
      args.operands.push_back(word);
    } else {
      std::vector<std::string> names;
      for (const config::Key& key : config::keys()) names.push_back(key.name);
      std::string near = closest(word, names);
      if (const std::string flag = flag_meant(bound.flags, word); !flag.empty()) near = flag;
      fail(Code::kUsage, "unexpected word '", word, "'; ", near.empty() ? "" : cat("did you mean ", near, "? "),
           "usage: ", usage_of(*bound.command));
    }
  }
}

Context context_of(Bound& bound) {
  Context context;
  allow_all_given(bound.values, context.args);
  std::vector<std::string> overrides;
  for (const Flag& flag : bound.flags) {
    const auto value = bound.values.find(flag.name);
    if (value == bound.values.end()) continue;
    if (flag.sets.empty()) {
      context.args.flags.insert(*value);
    } else {
      overrides.push_back(flag.value.empty() ? flag.sets : cat(flag.sets, '=', value->second));
    }
  }
  sort_words(bound, context.args, overrides);
  context.config = config::load(context.args.text("--config"), overrides);
  const Verbosity verbosity = context.args.has("--quiet")     ? Verbosity::kQuiet
                              : context.args.has("--verbose") ? Verbosity::kVerbose
                                                              : Verbosity::kNormal;
  context.console = Console(verbosity, context.args.has("--json"));
  return context;
}

// CLI11's complaints, with the nearest flag or command.
[[noreturn]] void complain(const CLI::ParseError& error, const std::vector<Bound>& bounds, int argc,
                           const char* const* argv) {
  std::vector<std::string> names;
  for (const Bound& bound : bounds) {
    if (!bound.app->parsed()) names.push_back(bound.command->name);
  }
  const bool no_command = names.size() == bounds.size();
  if (!no_command) names.clear();
  for (const Bound& bound : bounds) {
    if (!bound.app->parsed()) continue;
    for (const Flag& flag : bound.flags) names.push_back(flag.name);
  }
  std::string near;
  for (int i = 1; i < argc && near.empty(); ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    const bool known = std::find(names.begin(), names.end(), word) != names.end();
    if (!known && (no_command || word.starts_with("-"))) near = closest(word, names);
  }
  const bool named = no_command && argc > 1 && argv[1][0] != '-';
  const std::string what = named ? cat("unknown command '", argv[1], "'") : std::string(error.what());
  fail(Code::kUsage, what, near.empty() ? ";" : cat("; did you mean ", near, "?"),
       no_command ? " `qat --help` lists the commands" : " `--help` lists the flags");
}

}  // namespace

std::string Args::text(const std::string& name, const std::string& otherwise) const {
  const auto found = flags.find(name);
  return found == flags.end() ? otherwise : found->second;
}

double Args::number(const std::string& name, double otherwise, double min) const {
  if (!has(name)) return otherwise;
  const std::string text = flags.at(name);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= min && value < 1e12)) {
    fail(Code::kUsage, name, ": expected a number >= ", min, ", got '", text, "'");
  }
  return value;
}

namespace {

// "[0.5,0.5]" as "0.5,0.5", which means the same to the configuration: CLI11 would take a bracketed word for a list of
// words. Its parse() wants the words in reverse.
std::vector<std::string> plain_words(int argc, const char* const* argv) {
  std::vector<std::string> words;
  for (int i = argc - 1; i > 0; --i) {
    const std::string_view word = argv[i];
    const bool list = word.size() > 2 && word.front() == '[' && word.back() == ']';
    words.emplace_back(list ? word.substr(1, word.size() - 2) : word);
  }
  return words;
}

}  // namespace

std::optional<Parsed> parse(const std::vector<Command>& commands, int argc, const char* const* argv) {
  CLI::App app("qat: from a float image classifier to a measured int8 engine", "qat");
  app.set_version_flag("--version", kVersion);
  app.require_subcommand(1);
  std::vector<Bound> bounds(commands.size());
  for (size_t i = 0; i < commands.size(); ++i) {
    bounds[i].command = &commands[i];
    add_command(app, bounds[i]);
  }
  try {
    app.parse(plain_words(argc, argv));
  } catch (const CLI::Success& success) {
    app.exit(success, std::cout, std::cerr);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    complain(error, bounds, argc, argv);
  }
  for (Bound& bound : bounds) {
    if (bound.app->parsed()) return Parsed{.command = bound.command, .context = context_of(bound)};
  }
  fail(Code::kUsage, "no command; `qat --help` lists them");
}

}  // namespace qat::cli
