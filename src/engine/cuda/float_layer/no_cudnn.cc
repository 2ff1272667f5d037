// FloatConvs where qat was built without cuDNN's headers: our own kernels do all float layers.
#include "engine/cuda/float_layer/float_convs.h"

namespace qat::cuda {

std::shared_ptr<FloatConvs> open_float_convs(const engine::Plan&) { return nullptr; }

}  // namespace qat::cuda
