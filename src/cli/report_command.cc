// qat report: the table of accuracy and latency from the records of outputs, on the terminal and as Markdown.
#include <algorithm>
#include <map>
#include <set>

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

// GPU time where there is one, as the copies to a GPU are not the engine's.
const char* latency_field(const Entry& entry) {
  const bool gpu = entry.bench.is_object() && entry.bench.contains("gpu_median_ms");
  return gpu ? "gpu_median_ms" : "median_ms";
}

Table table_of(const std::vector<Entry>& entries) {
  Table table{.header = {"network", "type", "ACC@1", "ACC@5", "images", "agreement %", "latency ms", "shape",
                         "images/s", "model"}};
  for (const Entry& entry : entries) {
    const Json& eval = entry.eval;
    const std::string stage = entry.text("stage");
    table.rows.push_back({stage.empty() ? "-" : stage, type_of(entry), number(eval, "top1", 3), number(eval, "top5", 3),
                          number(eval, "images", 0), number(eval, "agreement", 3),
                          number(entry.bench, latency_field(entry), 4),
                          entry.bench.is_object() ? entry.text("shape") : "-",
                          number(entry.bench, "images_per_second", 0), entry.model});
  }
  return table;
}

// Device and date of the timings; accuracy does not depend on them.
std::string footnote(const std::vector<Entry>& entries) {
  std::set<std::string> devices;
  for (const Entry& entry : entries) {
    if (!entry.bench.is_object()) continue;
    const bool gpu = entry.bench.contains("gpu_median_ms");
    devices.insert(cat(entry.bench.value("device", ""),
                       gpu ? " (GPU time)" : cat(", ", entry.bench.value("threads", 0), " threads")));
  }
  return devices.empty() ? "no timings yet; run `qat bench`" : cat("latency: median on ", join(devices, "; "));
}

int run(Context& context) {
  const fs::path outputs = context.args.operands.empty() ? context.options().outputs : context.args.operand(0);
  std::vector<Entry> entries = entries_of(context, outputs);
  if (entries.empty()) {
    fail(Code::kIo, "no results in ", (outputs / "results.jsonl").string(), "; run `qat eval` and `qat bench` first");
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return order_of(a) < order_of(b); });
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
