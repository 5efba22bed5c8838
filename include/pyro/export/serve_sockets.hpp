#pragma once
// The descriptors of the live view, which a forked child must not keep: the port would stay taken and connections open for as long as it lives.
// All that opens or closes one does it under a lock that fork waits for, so that the child's list and the child's descriptors are of one moment.
// The lock is held for a system call that does not block, never longer.

#include <pyro/core/abi.hpp>
#include <pyro/platform/system.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/basic_stream.hpp>

#include <new>  // placement

#include <cerrno>
#include <fcntl.h>       // F_DUPFD_CLOEXEC
#include <pthread.h>     // atfork
#include <sys/socket.h>
#include <unistd.h>

namespace pyro {
namespace detail PYRO_HIDDEN {

class own_sockets {
 public:
  static constexpr int most = 128;  ///< more than a server has

  /// Opens one by `make()`, which returns a descriptor or -1; closed again where there is no room for it.
  template <class Make>
  static int open(Make&& make) noexcept {
    const platform::lock_guard hold(lock_);
    int fd = make();
    if (fd == 0) {  // where the program has closed its standard input; 0 means "none" here, and is not ours to take
      fd = ::fcntl(0, F_DUPFD_CLOEXEC, 3);
      ::close(0);
    }
    if (fd < 0) return fd;
    for (int& own : list_)
      if (own == 0) return own = fd;
    ::close(fd);
    errno = EMFILE;
    return -1;
  }

  /// `shut()` closes it.
  template <class Shut>
  static void close(int fd, Shut&& shut) noexcept {
    const platform::lock_guard hold(lock_);
    for (int& own : list_)
      if (own == fd) own = 0;
    shut();
  }

  /// Once a process; before the first `open`.
  static void install() noexcept {
    if (!__atomic_exchange_n(&installed_, true, __ATOMIC_ACQ_REL)) ::pthread_atfork([] { lock_.lock(); }, [] { lock_.unlock(); }, &in_child);
  }

 private:
  /// System calls and plain stores alone.
  static void in_child() noexcept {
    for (int& own : list_) {
      if (own != 0) ::close(own);
      own = 0;
    }
    new (&lock_) platform::mutex();
  }

  static inline platform::mutex lock_;
  static inline int list_[most] = {};
  static inline bool installed_ = false;
};

using serve_stream = boost::beast::basic_stream<boost::asio::ip::tcp, boost::asio::any_io_executor>;

/// A socket that listens, or -1 and errno.
inline int open_listener(const sockaddr_storage& address, socklen_t size) noexcept {
  own_sockets::install();
  return own_sockets::open([&] {
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fd;
    const int on = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // connections of a process that has just ended do not keep the port
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 && ::listen(fd, 128) == 0) return fd;
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
  });
}

}  // namespace detail
}  // namespace pyro
