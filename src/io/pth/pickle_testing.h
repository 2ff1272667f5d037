// For tests: pickles by hand, in the archive that makes them a .pth.
#pragma once

#include <string>

#include "base/file.h"
#include "io/pth/zip_writer.h"
#include "io/python_judge.h"

namespace qat::io {

// A .pth of this pickle and one storage, "0".
inline std::string archive(const std::string& pickle, const std::string& storage = std::string(24, '\1')) {
  const qat::testing::TempFolder folder;
  AtomicFile file(folder / "a.zip");
  ZipWriter zip(file);
  zip.add("archive/data.pkl", pickle);
  zip.add("archive/data/0", storage);
  zip.finish();
  file.commit();
  return read_file(folder / "a.zip");
}

// Opcodes of a short string and of a small integer.
inline std::string text(const std::string& s) { return cat('X', static_cast<char>(s.size()), std::string(3, '\0'), s); }
inline std::string byte(int n) { return cat('K', static_cast<char>(n)); }

// A pickle of one tensor, its parts given as opcodes.
struct TensorPickle {
  std::string type = "FloatStorage", key = "0", count = byte(6), offset = byte(0), size = byte(6) + "\x85",
              stride = byte(1) + "\x85";
  std::string code() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(key) +
           text("cpu") + count + "tQ" + offset + size + stride + "\x89" + "}tR";
  }
  std::string file() const { return archive("\x80\x02" + code() + "."); }
};

}  // namespace qat::io
