// LibTorch's wheel has ProcessGroupGloo.hpp, but not Gloo's own headers that it includes. These stand in for them: it
// holds everything of Gloo by pointer, so names are enough, and the code is in libtorch_cpu.
#pragma once
