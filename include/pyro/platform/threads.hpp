#pragma once
// The threads of the process as the system lists them, and which of them are pyro's own.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>

#include <cstdint>        // fixed-width integers
#include <fcntl.h>        // open
#include <sys/syscall.h>  // getdents64
#include <unistd.h>       // read, close

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

/// While it lives, the calling thread is one of pyro's own.
class own_thread {
 public:
  own_thread() noexcept { own_threads::add(thread_id()); }
  ~own_thread() { own_threads::remove(thread_id()); }
  own_thread(const own_thread&) = delete;
  own_thread& operator=(const own_thread&) = delete;
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

/// The stack of a thread of which only two pointers are known: its stack pointer and its thread pointer (platform::thread_pointer) at one moment.
/// That is the mapping around the first, up to the second where that lies in it too: the C library keeps a thread's data above its stack, and
/// what lies further up may be somebody else's. Empty where there is none. Reads /proc/self/maps; no allocation.
inline stack_range stack_around(std::uintptr_t sp, std::uintptr_t thread_pointer) noexcept {
  stack_range found;
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return found;
  std::uintptr_t low = 0, number = 0, below = 0;
  enum { first, second, rest } part = first;
  char buffer[4096];
  for (long n; found.high == 0 && (n = ::read(maps, buffer, sizeof buffer)) > 0;) {
    for (long i = 0; i < n && found.high == 0; ++i) {  // "7ffc1000-7ffc3000 rw-p ..."
      const char c = buffer[i];
      if (c == '\n') {
        part = first;
        number = 0;
      } else if (part != rest && (c == '-' || c == ' ')) {
        if (part == first) {
          low = number;
        } else {
          if (sp >= low && sp < number) found = {low, number};
          else if (number <= sp) below = number;
        }
        part = part == first ? second : rest;
        number = 0;
      } else if (part != rest) {
        number = number << 4 | static_cast<std::uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      }
    }
  }
  ::close(maps);
  if (found.high == 0) return {};
  if (thread_pointer > sp && thread_pointer < found.high) found.high = thread_pointer;
  else found.low = below;  // the main thread's, which grows down
  return found;
}

}  // namespace platform
}  // namespace pyro
