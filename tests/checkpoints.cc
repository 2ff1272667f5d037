// Walks both trees side by side: see checkpoints.h.
#include "checkpoints.h"

#include <cstring>

#include "base/text.h"

namespace qat::e2e {

std::string first_difference(const io::PyValue& a, const io::PyValue& b, const std::string& place) {
  if (a.data.index() != b.data.index()) return place + " (type)";
  if (const auto* x = std::get_if<Tensor>(&a.data)) {
    const auto& y = std::get<Tensor>(b.data);
    const bool same =
        x->shape() == y.shape() && x->type() == y.type() && std::memcmp(x->raw(), y.raw(), x->bytes()) == 0;
    return same ? "" : place;
  }
  if (const auto* x = std::get_if<io::PyDict>(&a.data)) {
    const auto& y = std::get<io::PyDict>(b.data);
    if (x->size() != y.size()) return place + " (keys)";
    for (size_t i = 0; i < x->size(); ++i) {
      if ((*x)[i].first != y[i].first) return place + "." + (*x)[i].first;
      if ((*x)[i].first == "history") continue;
      std::string inner = first_difference((*x)[i].second, y[i].second, place + "." + (*x)[i].first);
      if (!inner.empty()) return inner;
    }
    return "";
  }
  if (const auto* x = std::get_if<io::PyList>(&a.data)) {
    const auto& y = std::get<io::PyList>(b.data);
    if (x->size() != y.size()) return place + " (length)";
    for (size_t i = 0; i < x->size(); ++i) {
      std::string inner = first_difference((*x)[i], y[i], cat(place, "[", i, "]"));
      if (!inner.empty()) return inner;
    }
    return "";
  }
  if (const auto* x = std::get_if<std::string>(&a.data)) return *x == std::get<std::string>(b.data) ? "" : place;
  if (const auto* x = std::get_if<int64_t>(&a.data)) return *x == std::get<int64_t>(b.data) ? "" : place;
  if (const auto* x = std::get_if<double>(&a.data)) return *x == std::get<double>(b.data) ? "" : place;
  if (const auto* x = std::get_if<bool>(&a.data)) return *x == std::get<bool>(b.data) ? "" : place;
  return "";
}

}  // namespace qat::e2e
