// dlopen beside libqat_core.so, once per name: see plugin.h.
#include "base/plugin.h"

#include <dlfcn.h>

#include <filesystem>
#include <map>
#include <mutex>

#include "base/error.h"

namespace qat {

namespace {

std::filesystem::path own_folder() {
  Dl_info info{};
  dladdr(reinterpret_cast<const void*>(&own_folder), &info);
  return info.dli_fname == nullptr ? "." : std::filesystem::absolute(info.dli_fname).parent_path();
}

void* open_plugin(const std::string& name, const std::string& remedy) {
  const std::filesystem::path path = own_folder() / ("lib" + name + ".so");
  if (!std::filesystem::exists(path)) fail(Code::kFailure, path.string(), " is missing: ", remedy);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(Code::kFailure, "cannot load ", path.string(), " (", dlerror(), "): ", remedy);
  auto* entry = reinterpret_cast<void* (*)()>(dlsym(library, "qat_plugin"));
  if (entry == nullptr) fail(Code::kFailure, path.string(), " is not a plugin of qat: ", remedy);
  return entry();
}

}  // namespace

void* load_plugin(const std::string& name, const std::string& remedy) {
  static std::mutex mutex;
  static std::map<std::string, void*> loaded;
  const std::lock_guard lock(mutex);
  const auto found = loaded.find(name);
  if (found != loaded.end()) return found->second;
  return loaded[name] = open_plugin(name, remedy);
}

}  // namespace qat
