// gzip through zlib's file functions: see gzip.h.
#include "data/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace qat::data {

namespace {

constexpr size_t kDeflateRatio = 1032;  // the most that deflate can reach (zlib's technical notes)
constexpr size_t kBlock = 1 << 30;      // gzread counts in int
constexpr unsigned kBuffer = 1 << 17;

gzFile handle(void* file) { return static_cast<gzFile>(file); }

}  // namespace

GzipFile::GzipFile(const std::filesystem::path& path) : name_(path.string()) {
  std::error_code error;
  const uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) fail(Code::kIo, "[", name_, "] cannot read it: ", error.message());
  file_ = gzopen(path.c_str(), "rb");
  if (file_ == nullptr) fail(Code::kIo, "[", name_, "] cannot open it: ", std::strerror(errno));
  gzbuffer(handle(file_), kBuffer);
  max_size_ = gzdirect(handle(file_)) ? bytes : bytes * kDeflateRatio;
}

GzipFile::~GzipFile() { gzclose(handle(file_)); }

size_t GzipFile::read(void* into, size_t size) {
  size_t done = 0;
  while (done < size) {
    const int got =
        gzread(handle(file_), static_cast<char*>(into) + done, static_cast<unsigned>(std::min(size - done, kBlock)));
    if (got > 0) done += static_cast<size_t>(got);
    if (got > 0 && done < size) continue;
    int status = Z_OK;
    const char* message = gzerror(handle(file_), &status);
    if (status == Z_ERRNO) fail(Code::kIo, "[", name_, "] cannot read it: ", std::strerror(errno));
    if (status == Z_BUF_ERROR) fail(Code::kBadFile, "[", name_, "] the gzip file is truncated; fetch it again");
    if (status != Z_OK && status != Z_STREAM_END)
      fail(Code::kBadFile, "[", name_, "] broken gzip file (", message, "); fetch it again");
    break;
  }
  return done;
}

}  // namespace qat::data
