// Dicts of numbers, texts and tensors: see training_state.h.
#include "train/training_state.h"

#include <iomanip>
#include <sstream>

#include "base/error.h"

namespace qat::train {

namespace {

using io::PyDict;
using io::PyList;
using io::PyValue;
using Vectors = std::map<std::string, std::vector<float>>;

template <class T>
PyValue py(T value) {
  PyValue result;
  result.data = std::move(value);
  return result;
}

PyValue vectors_value(const Vectors& vectors) {
  PyDict dict;
  for (const auto& [name, values] : vectors) {
    dict.emplace_back(name, py(Tensor::from(values, {static_cast<int64_t>(values.size())})));
  }
  return py(std::move(dict));
}

template <class T>
const T& field(const PyValue& dict, const char* key) {
  const PyValue* found = dict.find(key);
  if (found == nullptr || !std::holds_alternative<T>(found->data)) {
    fail(Code::kBadFile, "[training state] the field ", key,
         " is missing or of the wrong type; train anew without --resume");
  }
  return std::get<T>(found->data);
}

Vectors vectors_from(const PyValue& dict, const char* key) {
  Vectors vectors;
  for (const auto& [name, value] : field<PyDict>(dict, key)) {
    const Tensor* tensor = std::get_if<Tensor>(&value.data);
    if (tensor == nullptr || tensor->type() != DType::kF32) {
      fail(Code::kBadFile, "[training state] ", key, " of ", name, " is not a float tensor");
    }
    const auto data = tensor->data<float>();
    vectors[name].assign(data.begin(), data.end());
  }
  return vectors;
}

PyValue metrics_value(const EpochMetrics& m) {
  PyDict dict;
  dict.emplace_back("epoch", py(m.epoch));
  dict.emplace_back("lr", py(m.lr));
  dict.emplace_back("train_loss", py(m.train_loss));
  dict.emplace_back("train_top1", py(m.train_top1));
  dict.emplace_back("top1", py(m.top1));
  dict.emplace_back("images_per_second", py(m.images_per_second));
  return py(std::move(dict));
}

EpochMetrics metrics_from(const PyValue& dict) {
  return {.epoch = field<int64_t>(dict, "epoch"),
          .lr = field<double>(dict, "lr"),
          .train_loss = field<double>(dict, "train_loss"),
          .train_top1 = field<double>(dict, "train_top1"),
          .top1 = field<double>(dict, "top1"),
          .images_per_second = field<double>(dict, "images_per_second")};
}

}  // namespace

PyValue to_value(const TrainingState& state) {
  PyDict dict, fixed;
  PyList history;
  for (const auto& [key, text] : state.fixed) fixed.emplace_back(key, py(text));
  for (const EpochMetrics& metrics : state.history) history.push_back(metrics_value(metrics));
  const auto add = [&dict](const char* key, auto value) { dict.emplace_back(key, py(std::move(value))); };
  add("epoch", state.epoch);
  add("next_batch", state.next_batch);
  add("step", state.step);
  add("best_top1", state.best_top1);
  add("best_epoch", state.best_epoch);
  add("loss_sum", state.loss_sum);
  add("correct", state.correct);
  add("seen", state.seen);
  add("optimizer_step", state.optimizer.step);
  dict.emplace_back("first_moments", vectors_value(state.optimizer.first));
  dict.emplace_back("second_moments", vectors_value(state.optimizer.second));
  dict.emplace_back("average", vectors_value(state.average));
  add("history", std::move(history));
  add("fixed", std::move(fixed));
  return py(std::move(dict));
}

TrainingState state_from(const PyValue& value) {
  TrainingState state{.epoch = field<int64_t>(value, "epoch"),
                      .next_batch = field<int64_t>(value, "next_batch"),
                      .step = field<int64_t>(value, "step"),
                      .best_top1 = field<double>(value, "best_top1"),
                      .best_epoch = field<int64_t>(value, "best_epoch"),
                      .loss_sum = field<double>(value, "loss_sum"),
                      .correct = field<int64_t>(value, "correct"),
                      .seen = field<int64_t>(value, "seen")};
  state.optimizer.step = field<int64_t>(value, "optimizer_step");
  state.optimizer.first = vectors_from(value, "first_moments");
  state.optimizer.second = vectors_from(value, "second_moments");
  state.average = vectors_from(value, "average");
  for (const int64_t count :
       {state.epoch, state.next_batch, state.step, state.correct, state.seen, state.optimizer.step}) {
    if (count < 0) fail(Code::kBadFile, "[training state] a count is negative: ", count);
  }
  for (const PyValue& metrics : field<PyList>(value, "history")) state.history.push_back(metrics_from(metrics));
  for (const auto& [key, text] : field<PyDict>(value, "fixed")) {
    const std::string* found = std::get_if<std::string>(&text.data);
    if (found == nullptr) fail(Code::kBadFile, "[training state] fixed ", key, " is not a text");
    state.fixed[key] = *found;
  }
  return state;
}

std::string metrics_csv(const std::vector<EpochMetrics>& history) {
  std::ostringstream out;
  out << "epoch,lr,train_loss,train_top1,top1,images_per_second\n" << std::setprecision(6);
  for (const EpochMetrics& m : history) {
    out << m.epoch << ',' << m.lr << ',' << m.train_loss << ',' << m.train_top1 << ',' << m.top1 << ','
        << m.images_per_second << '\n';
  }
  return out.str();
}

}  // namespace qat::train
