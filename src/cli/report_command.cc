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

// What rows can only be compared under where it is the same for all; "" where a row does not say it.
std::string net_of(const Entry& entry) { return entry.text("net"); }
std::string data_of(const Entry& entry) {
  const std::string place = text_of(entry.eval, "data"), split = text_of(entry.eval, "split");
  return place.empty() ? "" : cat(place, split.empty() || split == "test" ? "" : cat(" (", split, ")"));
}
std::string device_of(const Entry& entry) {
  return cat(text_of(entry.bench, "device"), on_gpu(entry) ? " (GPU time)" : "");
}
std::string threads_of(const Entry& entry) {
  const bool says = entry.bench.is_object() && entry.bench.contains("threads") && !on_gpu(entry);
  return says ? fixed(entry.bench["threads"].get<double>(), 0) : "";
}

using Cell = std::string (*)(const Entry&);

bool is_any(const Entry& entry) { return !entry.any().is_null(); }
bool is_evaluated(const Entry& entry) { return !entry.eval.is_null(); }
bool is_timed(const Entry& entry) { return !entry.bench.is_null(); }

// A column where rows differ, else a word of the footnote.
struct Shared {
  Cell cell;
  bool (*has)(const Entry&);  // whether a row can have it at all: one that was only timed has no data
};
constexpr Shared kNet{net_of, is_any}, kData{data_of, is_evaluated}, kDevice{device_of, is_timed},
    kThreads{threads_of, is_timed};

// With "" where a row that could have it does not say it: what others say is not said of that one.
std::set<std::string> values_of(const std::vector<Entry>& entries, const Shared& shared) {
  std::set<std::string> values;
  for (const Entry& entry : entries) {
    if (shared.has(entry)) values.insert(shared.cell(entry));
  }
  return values;
}

// "" where rows differ.
std::string value_of_all(const std::vector<Entry>& entries, const Shared& shared) {
  const std::set<std::string> values = values_of(entries, shared);
  return values.size() == 1 ? *values.begin() : "";
}

struct Column {
  const char* name;
  Cell cell;
  const Shared* shared = nullptr;  // left out where all rows share it
};

Table table_of(const std::vector<Entry>& entries) {
  static const std::vector<Column> kColumns{
      {"net", net_of, &kNet},
      {"network", [](const Entry& e) { return e.text("stage"); }},
      {"type", type_of},
      {"ACC@1", [](const Entry& e) { return number(e.eval, "top1", 3); }},
      {"ACC@5", [](const Entry& e) { return number(e.eval, "top5", 3); }},
      {"images", [](const Entry& e) { return number(e.eval, "images", 0); }},
      {"data", data_of, &kData},
      {"agreement %", [](const Entry& e) { return number(e.eval, "agreement", 3); }},
      {"latency ms", [](const Entry& e) { return number(e.bench, on_gpu(e) ? "gpu_median_ms" : "median_ms", 4); }},
      {"shape", [](const Entry& e) { return text_of(e.bench, "shape"); }},
      {"threads", threads_of, &kThreads},
      {"device", device_of, &kDevice},
      {"images/s", [](const Entry& e) { return number(e.bench, "images_per_second", 0); }},
      {"model", [](const Entry& e) { return e.model; }}};
  Table table{.rows = std::vector<std::vector<std::string>>(entries.size())};
  for (const Column& column : kColumns) {
    if (column.shared != nullptr && values_of(entries, *column.shared).size() < 2) continue;
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
  const std::string net = value_of_all(entries, kNet), data = value_of_all(entries, kData),
                    device = value_of_all(entries, kDevice), threads = value_of_all(entries, kThreads);
  const bool timed = std::any_of(entries.begin(), entries.end(), is_timed);
  std::string text = net.empty() ? "" : net + "; ";
  text += timed ? "latency: median" : "no timings yet; run `qat bench`";
  if (!device.empty()) text += " on " + device;
  if (!threads.empty()) text += cat(", ", threads, threads == "1" ? " thread" : " threads");
  if (!data.empty()) text += "; accuracy on " + data;
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
