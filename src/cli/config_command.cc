// qat config: every key with its value, type, where the value came from, and help.
#include "cli/command.h"
#include "cli/results.h"
#include "cli/table.h"
#include "config/values.h"

namespace qat::cli {

namespace {

// A number, a list, true or false as such.
Json value_of(const config::Key& key, config::Options options) {
  return std::visit([](const auto* value) { return Json(*value); }, key.field(options));
}

Json object_of(const config::Key& key, const config::Config& config) {
  return Json{{"key", key.name},
              {"value", value_of(key, config.options)},
              {"default", value_of(key, {})},
              {"type", config::type_name(key)},
              {"allowed", config::allowed_text(key)},
              {"source", config.source(key.name)},
              {"help", key.help}};
}

int run(Context& context) {
  if (context.args.has("--yaml")) {
    const std::string yaml = config::to_yaml(context.options());
    context.console.result(yaml, json_text(Json{{"yaml", yaml}}));
    return 0;
  }
  Json objects = Json::array();
  Table table{.header = {"KEY", "VALUE", "DEFAULT", "TYPE", "FROM", "HELP"}};
  const config::Options defaults;
  for (const config::Key& key : config::keys()) {
    const Json object = object_of(key, context.config);
    const auto text = [&object](const char* field) { return object[field].get<std::string>(); };
    const std::string allowed = text("allowed");
    table.rows.push_back({key.name, config::value_text(key, context.options()), config::value_text(key, defaults),
                          text("type"), text("source"), key.help + (allowed.empty() ? "" : " (" + allowed + ")")});
    objects.push_back(object);
  }
  context.console.result(table.text(), json_text(Json{{"keys", objects}}));
  return 0;
}

}  // namespace

Command config_command() {
  return {.name = "config",
          .summary = "print every option: value, default, type, where the value came from, help",
          .flags = {{"--yaml", "", "as a YAML file that --config reads"}},
          .run = run};
}

}  // namespace qat::cli
