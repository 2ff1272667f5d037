// Finding the state dict in a checkpoint: see state_dict.h.
#include <algorithm>
#include <array>

#include "io/safetensors/safetensors.h"
#include "io/source.h"
#include "io/state_dict.h"
#include "io/utf8.h"

namespace qat::io {

namespace {

bool is_tensor(const PyValue& value) { return std::holds_alternative<Tensor>(value.data); }

bool has_tensors(const PyDict& dict) {
  return std::any_of(dict.begin(), dict.end(), [](const auto& item) { return is_tensor(item.second); });
}

// The dict that holds the tensors: the one under a well-known key, else the value itself.
const PyDict* find_dict(const PyValue& value, int depth) {
  static constexpr int kDeepest = 3;
  for (const char* key : {"state_dict", "model_state_dict", "model"}) {
    const PyValue* inner = value.find(key);
    if (inner == nullptr || depth == kDeepest) continue;
    if (const PyDict* found = find_dict(*inner, depth + 1)) return found;
  }
  const PyDict* dict = std::get_if<PyDict>(&value.data);
  return dict != nullptr && has_tensors(*dict) ? dict : nullptr;
}

std::string keys_of(const PyValue& value) {
  const PyDict* dict = std::get_if<PyDict>(&value.data);
  if (dict == nullptr) return "it holds no dict";
  static constexpr size_t kShown = 5;
  std::vector<std::string> keys;
  for (const auto& [key, inner] : *dict) {
    if (keys.size() < kShown) keys.push_back(printable(key));
  }
  return cat("its keys are ", join(keys, ", "), dict->size() > kShown ? ", ..." : "");
}

// Wrappers put their attribute's name before every key, possibly one around the other.
void strip_wrappers(StateDict& state) {
  static constexpr std::array<std::string_view, 2> kPrefixes{"module.", "_orig_mod."};
  for (bool again = !state.empty(); again;) {
    again = false;
    for (const std::string_view prefix : kPrefixes) {
      const bool all = std::all_of(state.begin(), state.end(), [&](const auto& item) {
        return item.first.starts_with(prefix) && item.first.size() > prefix.size();
      });
      if (!all) continue;
      for (auto& [name, tensor] : state) name.erase(0, prefix.size());
      again = true;
    }
  }
}

}  // namespace

StateDict find_state_dict(const PyValue& value) {
  const PyDict* dict = find_dict(value, 0);
  if (dict == nullptr)
    fail(Code::kBadFile, "holds no state dict, neither itself nor under state_dict, model_state_dict or model; ",
         keys_of(value), "; in Python: torch.save(model.state_dict(), path)");
  StateDict state;
  for (const auto& [name, inner] : *dict) {
    if (is_tensor(inner)) state.emplace_back(name, std::get<Tensor>(inner.data));
  }
  strip_wrappers(state);
  return state;
}

StateDict read_state_dict(const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") {
    StateDict state = read_safetensors(path).tensors;
    strip_wrappers(state);
    return state;
  }
  const PyValue value = read_pth(path);
  return with_place(path, [&] { return find_state_dict(value); });
}

}  // namespace qat::io
