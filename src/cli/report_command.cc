// qat report: the table of accuracy and latency from the records of outputs, on the terminal and as Markdown.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/results.h"
#include "cli/table.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

// A model with the newest of its evaluations and timings.
struct Entry {
  std::string model;  // as it was called last
  fs::path file;      // where it lies
  Json eval, bench;

  const Json& any() const { return eval.is_null() ? bench : eval; }
  std::string text(const char* field) const {
    for (const Json* record : {&eval, &bench}) {
      if (record->is_object() && record->contains(field) && (*record)[field].is_string()) return (*record)[field];
    }
    return "";
  }
};

std::vector<Entry> entries_of(Context& context, const fs::path& outputs) {
  std::vector<Entry> entries;
  std::map<fs::path, std::string> changed;  // with what it was called
  for (const Json& record : read_records(outputs)) {
    const std::string model = record["model"], command = record.value("command", "");
    fs::path file = canonical_path(record.value("path", model));
    if (!fs::exists(file)) file = canonical_path(model);  // the whole folder was moved
    if (record.value("hash", "") != file_hash(file)) {
      changed[file] = model;
      continue;
    }
    auto entry = std::find_if(entries.begin(), entries.end(), [&file](const Entry& e) { return e.file == file; });
    if (entry == entries.end()) entry = entries.insert(entries.end(), Entry{.file = file});
    entry->model = model;
    if (command == "eval") entry->eval = record;
    if (command == "bench") entry->bench = record;
    changed.erase(file);
  }
  for (const auto& left_out : changed) {
    context.console.info(cat(left_out.second, " has changed or is gone since it was measured; it is left out"));
  }
  return entries;
}

// Rows in the order of the experiment, then of the path: checkpoint, ONNX, engines.
int order_of(const Entry& entry) {
  static const std::vector<std::string> kStages{"original", "calibrated", "QAT", ""};
  static const std::vector<std::string> kKinds{"checkpoint", "safetensors", "onnx", "engine", ""};
  const auto place = [](const std::vector<std::string>& list, const std::string& word) {
    return static_cast<int>(std::find(list.begin(), list.end(), word) - list.begin());
  };
  return place(kStages, entry.text("stage")) * 10 + place(kKinds, entry.text("kind"));
}

std::string type_of(const Entry& entry) {
  const std::string precision = entry.text("precision"), kind = entry.text("kind");
  if (kind != "engine") return cat(kind, precision.empty() ? "" : cat(", ", precision));
  const Json& record = entry.any();
  return cat(precision, record.value("placeholder", false) ? " (placeholder scales)" : "");
}

std::string number(const Json& record, const char* field, int digits) {
  return record.is_object() && record.contains(field) ? fixed(record[field].get<double>(), digits) : "-";
}

std::string text_of(const Json& record, const char* field) {
  return record.is_object() && record.contains(field) && record[field].is_string() ? record[field] : Json("");
}

// Then the time of the GPU counts, as the copies to it are not the engine's.
bool on_gpu(const Entry& entry) { return entry.bench.is_object() && entry.bench.contains("gpu_median_ms"); }

// What rows can only be compared under where it is the same for all; "" where a row has none.
std::string net_of(const Entry& entry) { return entry.text("net"); }
std::string data_of(const Entry& entry) {
  const std::string place = text_of(entry.eval, "data"), split = text_of(entry.eval, "split");
  return place.empty() ? "" : cat(place, split == "test" ? "" : cat(" (", split, ")"));
}
std::string device_of(const Entry& entry) {
  return cat(text_of(entry.bench, "device"), on_gpu(entry) ? " (GPU time)" : "");
}
std::string threads_of(const Entry& entry) {
  const bool has = entry.bench.is_object() && entry.bench.contains("threads") && !on_gpu(entry);
  return has ? fixed(entry.bench["threads"].get<double>(), 0) : "";
}

using Cell = std::string (*)(const Entry&);

std::set<std::string> values_of(const std::vector<Entry>& entries, Cell cell) {
  std::set<std::string> values;
  for (const Entry& entry : entries) values.insert(cell(entry));
  values.erase("");
  return values;
}

struct Column {
  const char* name;
  Cell cell;
  bool where_rows_differ = false;  // else it is left out: the footnote says it
};

Table table_of(const std::vector<Entry>& entries) {
  static const std::vector<Column> kColumns{
      {"net", net_of, true},
      {"network", [](const Entry& e) { return e.text("stage"); }},
      {"type", type_of},
      {"ACC@1", [](const Entry& e) { return number(e.eval, "top1", 3); }},
      {"ACC@5", [](const Entry& e) { return number(e.eval, "top5", 3); }},
      {"images", [](const Entry& e) { return number(e.eval, "images", 0); }},
      {"data", data_of, true},
      {"agreement %", [](const Entry& e) { return number(e.eval, "agreement", 3); }},
      {"latency ms", [](const Entry& e) { return number(e.bench, on_gpu(e) ? "gpu_median_ms" : "median_ms", 4); }},
      {"shape", [](const Entry& e) { return text_of(e.bench, "shape"); }},
      {"threads", threads_of, true},
      {"device", device_of, true},
      {"images/s", [](const Entry& e) { return number(e.bench, "images_per_second", 0); }},
      {"model", [](const Entry& e) { return e.model; }}};
  Table table{.rows = std::vector<std::vector<std::string>>(entries.size())};
  for (const Column& column : kColumns) {
    if (column.where_rows_differ && values_of(entries, column.cell).size() < 2) continue;
    table.header.emplace_back(column.name);
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string text = column.cell(entries[i]);
      table.rows[i].push_back(text.empty() ? "-" : text);
    }
  }
  return table;
}

// What all rows share.
std::string footnote(const std::vector<Entry>& entries) {
  const std::set<std::string> nets = values_of(entries, net_of), data = values_of(entries, data_of),
                              devices = values_of(entries, device_of), threads = values_of(entries, threads_of);
  std::string text = nets.size() == 1 ? *nets.begin() + "; " : "";
  text += devices.empty() ? "no timings yet; run `qat bench`" : "latency: median";
  if (devices.size() == 1) text += " on " + *devices.begin();
  if (threads.size() == 1) text += cat(", ", *threads.begin(), *threads.begin() == "1" ? " thread" : " threads");
  if (data.size() == 1) text += "; accuracy on " + *data.begin();
  return text;
}

int run(Context& context) {
  const fs::path outputs = context.args.operands.empty() ? context.options().outputs : context.args.operand(0);
  std::vector<Entry> entries = entries_of(context, outputs);
  if (entries.empty()) {
    fail(Code::kIo, "no results in ", (outputs / "results.jsonl").string(), "; run `qat eval` and `qat bench` first");
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(net_of(a), order_of(a)) < std::pair(net_of(b), order_of(b));
  });
  const Table table = table_of(entries);
  const fs::path path = outputs / "report.md";
  write_file(path, cat("# Accuracy and latency\n\n", table.markdown(), "\n", footnote(entries), "\n"));
  Json rows = Json::array();
  for (const Entry& entry : entries) {
    rows.push_back({{"model", entry.model},
                    {"stage", entry.text("stage")},
                    {"type", type_of(entry)},
                    {"eval", entry.eval},
                    {"bench", entry.bench}});
  }
  context.console.info(cat("written to ", path.string()));
  context.console.result(cat(table.text(), footnote(entries), "\n"),
                         json_text(Json{{"report", path.string()}, {"rows", rows}}));
  return 0;
}

}  // namespace

Command report_command() {
  return {.name = "report",
          .summary = "the table of accuracy and latency of what OUTPUTS holds",
          .operands = "[OUTPUTS]",
          .max_operands = 1,
          .run = run};
}

}  // namespace qat::cli
