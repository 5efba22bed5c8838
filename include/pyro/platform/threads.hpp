#pragma once
// The threads of the process as the system lists them, and which of them are pyro's own.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>

#include <cstdint>        // fixed-width integers
#include <fcntl.h>        // open
#include <sys/syscall.h>  // getdents64

namespace pyro {
namespace platform PYRO_HIDDEN {

/// Numbers of pyro's own threads, which are not profiled. Thread safe; more than fit are profiled like others.
class own_threads {
 public:
  static void add(pid_t tid) noexcept { replace(0, tid); }
  static void remove(pid_t tid) noexcept { replace(tid, 0); }
  static bool contains(pid_t tid) noexcept {
    for (const pid_t& own : numbers_)
      if (core::load_relaxed(own) == tid) return true;
    return false;
  }
  /// In a forked child: they do not exist there.
  static void forget() noexcept {
    for (pid_t& own : numbers_) core::store_relaxed(own, 0);
  }

 private:
  static void replace(pid_t from, pid_t to) noexcept {
    for (pid_t& own : numbers_)
      if (pid_t expected = from; __atomic_compare_exchange_n(&own, &expected, to, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return;
  }

  static constexpr int most = 32;
  static inline pid_t numbers_[most] = {};
};

/// Calls `visit(tid)` for each thread of the process. System calls alone, no allocation. False where the list cannot be read (no /proc).
template <class Visit>
bool each_thread_of_process(Visit&& visit) noexcept {
  struct entry {  // getdents64(2)
    std::uint64_t number;
    std::int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[1];
  };
  const int directory = ::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return false;
  alignas(8) char buffer[4096];
  long n = 0;
  while ((n = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer)) > 0) {
    for (long at = 0; at < n;) {
      const auto* e = reinterpret_cast<const entry*>(buffer + at);
      pid_t tid = 0;
      for (const char* digit = e->name; *digit >= '0' && *digit <= '9'; ++digit) tid = tid * 10 + (*digit - '0');
      if (tid != 0) visit(tid);
      at += e->size;
    }
  }
  ::close(directory);
  return n == 0;
}

}  // namespace platform
}  // namespace pyro
