// libjpeg's header, which needs what <cstdio> declares but does not include it.
#pragma once

// clang-format off
#include <cstdio>
#include <jpeglib.h>
// clang-format on
