// The part of LibTorch's c10d that this room uses: its store, Gloo and the Reducer.
#pragma once

#define USE_C10D_GLOO
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
