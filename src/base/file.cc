// Mappings and atomic writes over POSIX calls: see file.h.
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace qat {

namespace {

namespace fs = std::filesystem;

constexpr size_t kBuffer = size_t{1} << 20;

[[noreturn]] void fail_io(const char* what, const fs::path& path, int error) {
  const char* remedy = "";
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) remedy = "; free disk space or choose another folder";
  if (error == EACCES || error == EROFS || error == EPERM) remedy = "; choose a folder that can be written";
  if (error == EACCES && std::string_view(what) == "open") remedy = "; make it readable for this user";
  if (error == ENOENT || error == ENOTDIR) remedy = "; check the path";
  fail(Code::kIo, "cannot ", what, " ", path.string(), ": ", std::strerror(error), remedy);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// O_NONBLOCK: a FIFO without a writer must not hang us; it is refused as no regular file.
class RegularFile {
 public:
  explicit RegularFile(const fs::path& path);
  int fd() const { return fd_.get(); }
  size_t size() const { return size_; }

 private:
  Descriptor fd_;
  size_t size_ = 0;
};

RegularFile::RegularFile(const fs::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (fd() < 0) fail_io("open", path, errno);
  struct stat status {};
  if (::fstat(fd(), &status) != 0) fail_io("read", path, errno);
  if (S_ISDIR(status.st_mode)) fail(Code::kIo, path.string(), " is a folder, a file was expected");
  if (!S_ISREG(status.st_mode)) fail(Code::kIo, path.string(), " is not a regular file");
  size_ = static_cast<size_t>(status.st_size);
}

fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.string() + cat(".tmp-", ::getpid(), "-", counter.fetch_add(1));
}

// A symlink is followed, so that the rename replaces what it points to and not the link.
fs::path resolve(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_symlink(path, ignored)) return path;
  const fs::path target = fs::weakly_canonical(path, ignored);
  return ignored ? path : target;
}

}  // namespace

std::shared_ptr<MappedFile> MappedFile::open(const fs::path& path, Access access) {
  const RegularFile opened(path);
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->path_ = path;
  file->size_ = opened.size();
  if (opened.size() > 0) {
    const int protection = access == Access::kCopyOnWrite ? PROT_READ | PROT_WRITE : PROT_READ;
    void* memory = ::mmap(nullptr, opened.size(), protection, MAP_PRIVATE | MAP_NORESERVE, opened.fd(), 0);
    if (memory == MAP_FAILED) fail_io("map", path, errno);
    file->data_ = static_cast<const std::byte*>(memory);
    // Weights that stream from memory take fewer translations on pages of 2 MiB, where the file system caches such
    // (ext4 of Linux 6.18: 1.5 % of ResNet-50 at batch 1 with AMX).
    ::madvise(memory, opened.size(), MADV_HUGEPAGE);
  }
  return file;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

std::string read_file(const fs::path& path) {
  const RegularFile opened(path);
  std::string content(opened.size(), '\0');
  for (size_t done = 0; done < content.size();) {
    const ssize_t got = ::read(opened.fd(), content.data() + done, content.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_io("read", path, errno);
    if (got == 0) fail(Code::kIo, path.string(), " became shorter while it was read");
    done += static_cast<size_t>(got);
  }
  return content;
}

AtomicFile::AtomicFile(const fs::path& path) : path_(resolve(path)), temporary_(temporary_name(path_)) {
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) fail(Code::kIo, path.string(), " is a folder; give a file name");
  // A rename would put a file in the place of a device or a pipe.
  if (fs::exists(path_, ignored) && !fs::is_regular_file(path_, ignored))
    fail(Code::kIo, path.string(), " is not a regular file; give a file name");
  // A killed process of the same id (in containers they repeat) may have left a file of this name.
  constexpr int kTries = 100;
  for (int i = 0; i < kTries && fd_ < 0; ++i) {
    if (i > 0) temporary_ = temporary_name(path_);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd_ < 0 && errno != EEXIST) break;
  }
  if (fd_ < 0) fail_io("write", path_, errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

// Large blocks (weights) go straight to the file, without a copy.
void AtomicFile::write(const void* data, size_t size) {
  position_ += size;
  if (buffer_.size() + size > kBuffer) flush();
  if (size > kBuffer) {
    write_through(data, size);
  } else {
    buffer_.append(static_cast<const char*>(data), size);
  }
}

void AtomicFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_through(const void* data, size_t size) {
  const auto* bytes = static_cast<const char*>(data);
  for (size_t done = 0; done < size;) {
    const ssize_t put = ::write(fd_, bytes + done, size - done);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail_io("write", path_, put < 0 ? errno : EIO);
    done += static_cast<size_t>(put);
  }
}

void AtomicFile::commit() {
  flush();
  if (::fsync(fd_) != 0) fail_io("sync", path_, errno);
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail_io("write", path_, error);
  }
  const fs::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() >= 0)
    ::fsync(handle.get());  // some file systems refuse to sync a folder: the rename stands either way
}

void write_file(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

void check_writable(const fs::path& path) { const AtomicFile probe(path); }

}  // namespace qat
