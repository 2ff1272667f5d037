// Heavy parts as shared libraries beside the binary, loaded when a command needs them.
#pragma once

#include <string>

namespace qat {

// Loads lib<name>.so from the folder of libqat_core.so and returns what its `extern "C" void* qat_plugin()` gives. The
// library stays loaded. Throws Error(kFailure) with one line: which command needs it and how to get it (`remedy`).
void* load_plugin(const std::string& name, const std::string& remedy);

// The typed form: a plugin exports a pointer to a static object of an abstract class.
template <class Interface>
Interface& plugin(const std::string& name, const std::string& remedy) {
  return *static_cast<Interface*>(load_plugin(name, remedy));
}

}  // namespace qat
