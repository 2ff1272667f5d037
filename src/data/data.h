// Images from disk to batches: u8 [N,H,W,C], shuffled, augmented, prefetched; no LibTorch. This header has it all.
#pragma once

#include "data/dataset.h"
#include "data/decode.h"
#include "data/loader.h"
#include "data/normalize.h"
#include "data/resize.h"
#include "data/transform.h"
