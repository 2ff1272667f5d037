// dlopen and dlsym: see cudnn_library.h.
#include "engine/cuda/float_layer/cudnn_library.h"

#include <dlfcn.h>

namespace qat::cuda {

const CudnnLibrary* cudnn_library() {
  static const CudnnLibrary* const library = []() -> const CudnnLibrary* {
    void* handle = dlopen("libcudnn.so.9", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return nullptr;
    static CudnnLibrary functions;
    bool complete = true;
#define QAT_CUDNN_LOAD(name)                                                         \
  functions.name = reinterpret_cast<decltype(functions.name)>(dlsym(handle, #name)); \
  complete = complete && functions.name != nullptr;
    QAT_CUDNN_FUNCTIONS(QAT_CUDNN_LOAD)
#undef QAT_CUDNN_LOAD
    return complete ? &functions : nullptr;
  }();
  return library;
}

}  // namespace qat::cuda
