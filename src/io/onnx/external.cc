// Opens external data component by component without following links, and reads checked ranges of it.
#include "io/onnx/external.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/checked.h"

namespace qat::onnxio {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

std::string where(const std::string& tensor, const std::string& location) {
  return cat("[", tensor, "] external data \"", location, "\"");
}

// O_NONBLOCK: a FIFO must be refused, not waited for.
Descriptor open_below(const std::filesystem::path& folder, const std::string& tensor, const std::string& location) {
  const std::filesystem::path relative(location);
  if (location.empty() || location.find('\0') != std::string::npos || relative.is_absolute()) {
    fail(Code::kBadFile, where(tensor, location), " must be a path relative to the model's folder");
  }
  Descriptor at(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.get() < 0) fail(Code::kIo, folder.string(), ": ", std::strerror(errno));
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    if (*part == "..") fail(Code::kBadFile, where(tensor, location), " leaves the model's folder");
    const bool last = std::next(part) == relative.end();
    const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | (last ? 0 : O_DIRECTORY);
    Descriptor next(::openat(at.get(), part->c_str(), flags));
    if (next.get() < 0 && (errno == ELOOP || errno == ENOTDIR)) {
      fail(Code::kBadFile, where(tensor, location), " goes through a symbolic link; copy the file into its place");
    }
    if (next.get() < 0) fail(Code::kBadFile, where(tensor, location), ": ", std::strerror(errno));
    at = std::move(next);
  }
  return at;
}

void read_all(int fd, const std::string& place, int64_t offset, void* into, size_t bytes) {
  auto* out = static_cast<char*>(into);
  while (bytes > 0) {
    const ssize_t got = ::pread(fd, out, bytes, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(Code::kIo, place, ": ", std::strerror(errno));
    if (got == 0) fail(Code::kBadFile, place, " shrank while being read");
    out += got;
    offset += got;
    bytes -= static_cast<size_t>(got);
  }
}

int64_t size_of_regular(const Descriptor& file, const std::string& place) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(Code::kIo, place, ": ", std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(Code::kBadFile, place, " is not a regular file");
  return status.st_size;
}

void check_range(const std::string& place, int64_t offset, int64_t needed, int64_t size) {
  if (offset < 0 || needed < 0 || checked_add(offset, needed, place.c_str()) > size) {
    fail(Code::kBadFile, place, " expected ", needed, " bytes at ", offset, ", the file has ", size);
  }
}

}  // namespace

void ExternalData::check(const std::string& tensor, const Range& range) const {
  const Descriptor file = open_below(folder_, tensor, range.location);
  const std::string place = where(tensor, range.location);
  check_range(place, range.offset, range.length == -1 ? 0 : range.length, size_of_regular(file, place));
}

Tensor ExternalData::read(const std::string& tensor, const Range& range, DType type, const Shape& shape) {
  const Descriptor file = open_below(folder_, tensor, range.location);
  const std::string place = where(tensor, range.location);
  const int64_t size = size_of_regular(file, place);
  const auto needed = checked_mul(count(shape), static_cast<int64_t>(size_of(type)), place.c_str());
  if (range.length != -1 && range.length != needed) {
    fail(Code::kBadFile, place, " expected ", needed, " bytes for this shape, got ", range.length);
  }
  check_range(place, range.offset, needed, size);
  int64_t& used = used_[range.location];
  used = checked_add(used, needed, place.c_str());
  if (used / 2 > size) fail(Code::kBadFile, place, " is read more than twice over");
  Tensor result(type, shape);
  read_all(file.get(), place, range.offset, result.raw(), result.bytes());
  return result;
}

}  // namespace qat::onnxio
