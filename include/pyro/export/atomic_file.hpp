#pragma once
// Writes a file so that readers see the old one or the whole new one: a temporary file beside it, then a rename.
// Any ordinary thread; not for signal handlers. POSIX. Nothing here throws; errors come back as text.

#include <pyro/export/io.hpp>

#include <cstdint>  // running number
#include <string>   // paths, messages

#include <fcntl.h>     // open
#include <sys/stat.h>  // mkdir, stat

namespace pyro::detail {

/// What a person can do about an error while writing a file.
inline const char* advice_for(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space there or write to another file system";
    case EACCES:
    case EPERM: return "give this process permission to write to that directory or name another";
    case EROFS: return "name a directory on a file system that can be written";
    case EISDIR: return "that is a directory: add a file name";
    case ENOTDIR:
    case EEXIST: return "a part of the path is a file, not a directory";
    case ENAMETOOLONG: return "shorten the name";
    case EMFILE:
    case ENFILE: return "raise the limit of open files (ulimit -n)";
    case EFBIG: return "raise the limit of file sizes (ulimit -f)";
    default: return "the next window tries again";
  }
}

/// Makes the directories above `path` that are missing (0755 and umask). 0, or the error.
inline int make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    if (::mkdir(path.substr(0, slash).c_str(), 0755) == 0 || errno == EEXIST) continue;
    // Without permission, or read-only, it may be there all the same.
    struct stat info {};
    const int error = errno;
    if (::stat(path.substr(0, slash).c_str(), &info) != 0) return error;
  }
  return 0;
}

/// Devices and pipes can't be replaced by a rename: that would put a file in the place of /dev/stdout. They are written to as
/// they are.
inline bool written_in_place(const std::string& path) noexcept {
  const auto below = [&path](std::string_view directory) { return path.compare(0, directory.size(), directory) == 0; };
  if (below("/proc/") || (below("/dev/") && !below("/dev/shm/"))) return true;
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

inline int write_in_place(const std::string& path, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return errno;
  const int error = write_stream(fd, bytes);
  return ::close(fd) == 0 || error != 0 ? error : errno;
}

/// Opens a new file beside `path`; its name goes to `temporary`.
inline int open_temporary(const std::string& path, std::string& temporary) {
  const std::size_t slash = path.rfind('/');
  const std::string stem =
      path.substr(0, slash == std::string::npos ? 0 : slash + 1) + ".pyro-" + std::to_string(::getpid()) + "-";
  int fd = -1;
  for (std::uint32_t i = 0; i < 1000; ++i) {  // names taken: by another exporter, or left by a process that was killed
    temporary = stem + std::to_string(i) + ".tmp";
    fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0 || errno != EEXIST) break;
  }
  return fd;
}

inline int replace_file(const std::string& path, const std::string& bytes, bool sync) {
  std::string temporary;
  int fd = open_temporary(path, temporary);
  if (fd < 0 && errno == ENOENT) {
    if (const int error = make_directories(path)) return error;
    fd = open_temporary(path, temporary);
  }
  if (fd < 0) return errno;
  int error = write_file(fd, bytes);
  if (error == 0 && sync && ::fdatasync(fd) != 0) error = errno;
  if (::close(fd) != 0 && error == 0) error = errno;  // network file systems tell only now
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    return error;
  }
  if (sync) {
    const std::size_t slash = path.rfind('/');
    const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int directory_fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd >= 0) {
      if (::fsync(directory_fd) != 0) error = errno;
      ::close(directory_fd);
    }
  }
  return error;
}

/// Replaces or makes `path` (mode 0600), and the directories above it. With `sync` it survives a loss of power. Empty, or what
/// went wrong and what to do; then the old file is still there and no other one is left.
inline std::string write_atomically(const std::string& path, const std::string& bytes, bool sync) {
  const int error = written_in_place(path) ? write_in_place(path, bytes) : replace_file(path, bytes, sync);
  if (error == 0) return {};
  return "cannot write \"" + path + "\": " + error_text(error) + "; " + advice_for(error);
}

}  // namespace pyro::detail
