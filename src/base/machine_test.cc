// CPU levels, hashes with their published values, and the line a missing plugin gives.
#include <gtest/gtest.h>

#include "base/cpu.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/plugin.h"

namespace qat {
namespace {

TEST(Cpu, LevelsHaveNamesThatParse) {
  for (const Isa level : {Isa::kPortable, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAmx}) {
    EXPECT_EQ(parse_isa(name_of(level)), level);
  }
  EXPECT_THROW(parse_isa("sse9"), Error);
  EXPECT_LE(isa(), cpu().best);
}

TEST(Hash, PublishedValues) {  // xxHash's own sanity checks for the empty input
  EXPECT_EQ(hash64("", 0), 0x2D06800538D394C2u);
  EXPECT_EQ(hash_hex("", 0), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(hash64("", 0, 1), hash64("", 0));
}

TEST(Plugin, AMissingOneSaysWhatToDo) {
  try {
    load_plugin("qat_no_such_plugin", "run ./dev setup");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailure);
    EXPECT_NE(std::string(error.what()).find("libqat_no_such_plugin.so"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("run ./dev setup"), std::string::npos);
  }
}

}  // namespace
}  // namespace qat
