# CUDA where nvcc is installed; QAT_CUDA says whether it is. Nothing else needs it.
#
# qat_cuda_target(<target>): how our .cu files are compiled. The runtime is linked statically; code is for the architectures named, no
# PTX: an engine is built for one of them.
set(QAT_CUDA_ARCHS 80-real 90a-real CACHE STRING "GPU architectures, as CUDA_ARCHITECTURES takes them; one is quicker to build")
option(QAT_CUDA "build the CUDA plugins (needs nvcc 12.3 or later)" ON)
if(QAT_CUDA)
  include(CheckLanguage)
  set(CMAKE_CUDA_ARCHITECTURES ${QAT_CUDA_ARCHS})
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
  endif()
  if(NOT CMAKE_CUDA_COMPILER OR CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.3)
    message(STATUS "the CUDA plugins are left out: no nvcc 12.3 or later")
    set(QAT_CUDA OFF)
  endif()
endif()
if(QAT_CUDA)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")  # CMake 3.25 knows nvcc up to C++17 only
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA_FLAGS_RELEASE "-O2")
  if(QAT_CCACHE)
    set(CMAKE_CUDA_COMPILER_LAUNCHER ${QAT_CCACHE})
  endif()
  find_package(CUDAToolkit REQUIRED)
  # A sixth of the size, line tables included; drivers from 12.4 on read it.
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 12.8)
    set(QAT_CUDA_COMPRESS -compress-mode=size)
  endif()
endif()

# --fmad=false: one arithmetic everywhere, as -ffp-contract=off (src/base/qmath.h).
function(qat_cuda_target target)
  set_target_properties(${target} PROPERTIES CUDA_ARCHITECTURES "${QAT_CUDA_ARCHS}" CUDA_RUNTIME_LIBRARY Static)
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CUDA>:--fmad=false --expt-relaxed-constexpr -lineinfo ${QAT_CUDA_COMPRESS}
                                           -Xcompiler=-Wall,-Wextra,-ffp-contract=off,-Wno-missing-field-initializers>)
  target_include_directories(${target} SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
endfunction()
