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

/// Calls `visit(low, high, is_main_stack)` for each mapping of the process, by address. False where they cannot be read. No allocation.
template <class Visit>
bool each_mapping(Visit&& visit) noexcept {
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps < 0) return false;
  static constexpr char main_stack[] = "[stack]";
  std::uintptr_t low = 0, high = 0, number = 0;
  enum { first, second, rest } part = first;
  std::size_t matched = 0;  // of the line's last word
  char buffer[4096];
  long n = 0;
  while ((n = ::read(maps, buffer, sizeof buffer)) > 0) {
    for (long i = 0; i < n; ++i) {  // "7ffc1000-7ffc3000 rw-p 00000000 00:00 0    [stack]"
      const char c = buffer[i];
      if (c == '\n') {
        visit(low, high, matched == sizeof main_stack - 1);
        part = first;
        number = matched = 0;
      } else if (part == rest) {
        matched = c == ' ' ? 0 : matched < sizeof main_stack - 1 && c == main_stack[matched] ? matched + 1 : sizeof main_stack;
      } else if (c == '-' || c == ' ') {
        (part == first ? low : high) = number;
        part = part == first ? second : rest;
        number = 0;
      } else {
        number = number << 4 | static_cast<std::uintptr_t>(c <= '9' ? c - '0' : c - 'a' + 10);
      }
    }
  }
  ::close(maps);
  return n == 0;
}

/// The stack of a thread of which only two pointers are known: its stack pointer and its thread pointer at one moment.
struct unplaced_stack {
  std::uintptr_t sp, thread_pointer;
  std::uintptr_t low, high;  ///< the answer; 0: not found

  /// In the mapping that holds both, below the second: the C library keeps a thread's data above its stack, and what lies further up may be
  /// somebody else's. The main thread's stack is told by its name, and grows down. Of others (coroutines, threads that the C library did not
  /// make) nothing is known: that they stay mapped is nobody's promise.
  void look_at(std::uintptr_t begin, std::uintptr_t end, std::uintptr_t below, bool is_main_stack) noexcept {
    if (sp < begin || sp >= end) return;
    if (is_main_stack) {
      low = below;
      high = end;
    } else if (thread_pointer > sp && thread_pointer < end) {
      low = begin;
      high = thread_pointer;
    }
  }
};

/// Finds the stacks of all at once: the mappings are read one time. `stacks` is sorted by sp.
template <class Unplaced>
void place_stacks(Unplaced* stacks, std::size_t count) noexcept {
  std::size_t next = 0;
  std::uintptr_t below = 0;
  each_mapping([&](std::uintptr_t begin, std::uintptr_t end, bool is_main_stack) {
    while (next < count && stacks[next].sp < begin) ++next;
    for (; next < count && stacks[next].sp < end; ++next) stacks[next].look_at(begin, end, below, is_main_stack);
    below = end;
  });
}

}  // namespace platform
}  // namespace pyro
