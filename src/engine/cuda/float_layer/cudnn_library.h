// libcudnn.so.9 loaded at run time: the functions of its convolution interface that we call.
#pragma once

#include <cudnn.h>

namespace qat::cuda {

#define QAT_CUDNN_FUNCTIONS(X)               \
  X(cudnnCreate)                             \
  X(cudnnDestroy)                            \
  X(cudnnSetStream)                          \
  X(cudnnCreateTensorDescriptor)             \
  X(cudnnDestroyTensorDescriptor)            \
  X(cudnnSetTensor4dDescriptor)              \
  X(cudnnCreateFilterDescriptor)             \
  X(cudnnDestroyFilterDescriptor)            \
  X(cudnnSetFilter4dDescriptor)              \
  X(cudnnCreateConvolutionDescriptor)        \
  X(cudnnDestroyConvolutionDescriptor)       \
  X(cudnnSetConvolution2dDescriptor)         \
  X(cudnnSetConvolutionGroupCount)           \
  X(cudnnSetConvolutionMathType)             \
  X(cudnnCreateActivationDescriptor)         \
  X(cudnnDestroyActivationDescriptor)        \
  X(cudnnSetActivationDescriptor)            \
  X(cudnnGetConvolutionForwardWorkspaceSize) \
  X(cudnnConvolutionBiasActivationForward)

struct CudnnLibrary {
#define QAT_CUDNN_MEMBER(name) decltype(&::name) name = nullptr;  // NOLINT(bugprone-macro-parentheses)
  QAT_CUDNN_FUNCTIONS(QAT_CUDNN_MEMBER)
#undef QAT_CUDNN_MEMBER
};

// Null where it is not found. Stays loaded.
const CudnnLibrary* cudnn_library();

}  // namespace qat::cuda
