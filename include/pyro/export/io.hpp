#pragma once
// Writing bytes without hurting the program: no SIGPIPE, no SIGXFSZ, no endless wait for a reader that has stopped.
// Any ordinary thread, also an application's in its exit hook; not for signal handlers. POSIX.

#include <cerrno>       // errors
#include <chrono>       // longest wait for a reader
#include <climits>      // PIPE_BUF
#include <csignal>      // SIGPIPE, SIGXFSZ
#include <cstdio>       // FILE
#include <cstring>      // strerror_r
#include <ctime>        // timespec
#include <string>       // messages
#include <string_view>  // bytes

#include <poll.h>       // is there room
#include <unistd.h>     // write

namespace pyro::detail {

/// While it lives, a write of this thread that fails raises no signal: only the error is seen. Both signals go to the thread
/// that writes, so blocking them here touches no other thread; what became pending meanwhile is taken away at the end.
class write_signals_blocked {
 public:
  write_signals_blocked() noexcept {
    ::sigemptyset(&ours_);
    ::sigaddset(&ours_, SIGPIPE);
    ::sigaddset(&ours_, SIGXFSZ);
    sigset_t pending;
    ::sigemptyset(&pending);
    ::sigpending(&pending);
    for (const int signal : {SIGPIPE, SIGXFSZ})
      if (::sigismember(&pending, signal) == 1) ::sigdelset(&ours_, signal);  // not our doing: stays pending
    active_ = ::pthread_sigmask(SIG_BLOCK, &ours_, &before_) == 0;
  }
  ~write_signals_blocked() {
    if (!active_) return;
    const int kept = errno;
    const timespec now{0, 0};
    while (::sigtimedwait(&ours_, nullptr, &now) > 0 || errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = kept;
  }
  write_signals_blocked(const write_signals_blocked&) = delete;
  write_signals_blocked& operator=(const write_signals_blocked&) = delete;

 private:
  sigset_t ours_, before_;
  bool active_ = false;
};

/// Writes all of `bytes` to a regular file. 0, or the error.
inline int write_file(int fd, std::string_view bytes) noexcept {
  const write_signals_blocked quiet;
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

constexpr std::chrono::milliseconds stream_patience{5000};

/// Writes all of `bytes` to a terminal, pipe, socket or file, blocking or not. Gives up after `patience`, with ETIMEDOUT: so a
/// reader that has stopped (a pager, a terminal under Ctrl-S) cannot keep the program from exiting. 0, or the error.
inline int write_stream(int fd, std::string_view bytes, std::chrono::milliseconds patience = stream_patience) noexcept {
  const write_signals_blocked quiet;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!bytes.empty()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd ready{fd, POLLOUT, 0};
    const int polled = ::poll(&ready, 1, left > 0 ? static_cast<int>(left) : 0);
    if (polled == 0) return ETIMEDOUT;
    if (polled < 0 && errno != EINTR) return errno;
    if (polled < 0) continue;
    // A pipe that is ready takes this much without blocking.
    const ssize_t written = ::write(fd, bytes.data(), bytes.size() < PIPE_BUF ? bytes.size() : PIPE_BUF);
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    else if (written == 0) return EIO;
    else if (errno != EINTR && errno != EAGAIN) return errno;
  }
  return 0;
}

/// The same for a FILE, after what the program itself has in its buffer. Nothing of ours stays in the buffer: a failed write
/// would else be repeated, and raise its signal, when the program next uses the stream. 0, or the error.
inline int write_stream(std::FILE* file, std::string_view bytes) noexcept {
  const int fd = ::fileno(file);
  const write_signals_blocked quiet;
  // Not waiting for the lock: a thread that is gone may hold it for good.
  const bool locked = ::ftrylockfile(file) == 0;
  int error = 0;
  if (fd >= 0) {
    if (locked) ::fflush_unlocked(file);
    error = write_stream(fd, bytes);
  } else if (locked) {  // a stream in memory
    if (::fwrite_unlocked(bytes.data(), 1, bytes.size(), file) != bytes.size() || ::fflush_unlocked(file) != 0)
      error = errno != 0 ? errno : EIO;
  } else {
    error = EBUSY;
  }
  if (locked) ::funlockfile(file);
  return error;
}

/// The system's words for an error. There are two functions of the name strerror_r: one returns the text, one a status.
inline std::string error_text(int error) {
  struct either {
    static const char* text(const char* returned, const char*) noexcept { return returned; }
    static const char* text(int, const char* buffer) noexcept { return buffer; }
  };
  char buffer[128] = "unknown error";
  return either::text(::strerror_r(error, buffer, sizeof buffer), buffer);
}

}  // namespace pyro::detail
