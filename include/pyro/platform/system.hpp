#pragma once
// The few questions pyro asks of the operating system, Linux here. Each says whether it is signal safe.

#include <pyro/core/abi.hpp>

#include <cerrno>         // ESRCH
#include <cstddef>        // size_t
#include <cstdint>        // fixed-width integers
#include <linux/futex.h>  // event
#include <pthread.h>      // stack bounds, mutex
#include <sched.h>        // affinity
#include <sys/mman.h>     // pages
#include <sys/prctl.h>    // timer slack
#include <sys/syscall.h>  // gettid, futex, tgkill
#include <time.h>         // clocks
#include <unistd.h>       // getpid, sysconf

namespace pyro {
namespace platform PYRO_HIDDEN {

/// Signal safe.
inline pid_t thread_id() noexcept { return static_cast<pid_t>(::syscall(SYS_gettid)); }

/// Nanoseconds of a clock; 0 where it does not exist (any more). Signal safe.
inline std::int64_t clock_ns(clockid_t clock) noexcept {
  timespec now{};
  return ::clock_gettime(clock, &now) == 0 ? std::int64_t{now.tv_sec} * 1000000000 + now.tv_nsec : 0;
}
inline std::int64_t monotonic_ns() noexcept { return clock_ns(CLOCK_MONOTONIC); }
inline std::int64_t wall_ns() noexcept { return clock_ns(CLOCK_REALTIME); }

/// The CPU-time clock of a thread of this process, as the kernel encodes it (include/linux/posix-timers_types.h: CPUCLOCK_SCHED with
/// the per-thread bit). Unlike pthread_getcpuclockid it needs no pthread_t, so it serves for threads seen from outside.
inline clockid_t thread_cpu_clock(pid_t tid) noexcept {
  return static_cast<clockid_t>((~static_cast<unsigned>(tid) << 3) | 6U);
}

/// How much later than asked for the calling thread may wake, so that the kernel can bundle wake-ups; 0: what is usual (50 us). prctl(2).
inline void set_timer_slack(unsigned long ns) noexcept { ::prctl(PR_SET_TIMERSLACK, ns, 0, 0, 0); }

/// Moves the calling thread to one of the CPUs that it may use, and leaves it free to go on from there. sched_setaffinity(2).
inline void go_to_some_cpu(std::uint64_t random) noexcept {
  cpu_set_t allowed, one;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::uint64_t left = random % static_cast<std::uint64_t>(CPU_COUNT(&allowed));
  CPU_ZERO(&one);
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &allowed) && left-- == 0) CPU_SET(cpu, &one);
  if (::sched_setaffinity(0, sizeof one, &one) == 0) ::sched_setaffinity(0, sizeof allowed, &allowed);
}

/// True while the thread exists. Not signal safe by need, but only a system call.
/// A refusal (seccomp) is no proof of its end.
inline bool thread_exists(pid_t tid) noexcept { return ::syscall(SYS_tgkill, ::getpid(), tid, 0) == 0 || errno != ESRCH; }

struct stack_range {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
  bool contains(std::uintptr_t address) const noexcept { return address >= low && address < high; }
};

/// Bounds of the calling thread's stack; empty where unknown. Allocates: at registration only, never in a handler (R15).
inline stack_range this_stack() noexcept {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return {};
  void* low = nullptr;
  std::size_t size = 0;
  const bool known = ::pthread_attr_getstack(&attributes, &low, &size) == 0;
  ::pthread_attr_destroy(&attributes);
  if (!known) return {};
  const auto begin = reinterpret_cast<std::uintptr_t>(low);
  return {begin, begin + size};
}

/// Zeroed pages, or nullptr. Never unmapped by pyro.
inline void* map_pages(std::size_t bytes) noexcept {
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return pages == MAP_FAILED ? nullptr : pages;
}

/// A mutex without a destructor (runtime state is never destroyed), which fork handlers can hold.
class mutex {
 public:
  void lock() noexcept { ::pthread_mutex_lock(&handle_); }
  void unlock() noexcept { ::pthread_mutex_unlock(&handle_); }
  /// False where it is not to be had within `ns`.
  bool lock_for(std::int64_t ns) noexcept {
    const std::int64_t until = clock_ns(CLOCK_REALTIME) + ns;  // what pthread_mutex_timedlock(3) counts by
    const timespec then{static_cast<time_t>(until / 1000000000), static_cast<long>(until % 1000000000)};
    return ::pthread_mutex_timedlock(&handle_, &then) == 0;
  }

 private:
  pthread_mutex_t handle_ = PTHREAD_MUTEX_INITIALIZER;
};

class lock_guard {
 public:
  explicit lock_guard(mutex& m) noexcept : mutex_(m) { mutex_.lock(); }
  ~lock_guard() { mutex_.unlock(); }
  lock_guard(const lock_guard&) = delete;
  lock_guard& operator=(const lock_guard&) = delete;

 private:
  mutex& mutex_;
};

/// Wakes one waiting thread. `set` is signal safe; intervals are monotonic, so steps of the wall clock do not matter.
class event {
 public:
  void set() noexcept {
    __atomic_store_n(&state_, 1U, __ATOMIC_RELEASE);
    ::syscall(SYS_futex, &state_, FUTEX_WAKE_PRIVATE, 0x7fffffff, nullptr, nullptr, 0);
  }

  /// Waits until set (and clears it) or until `timeout_ns` has passed; true where it was set.
  bool wait(std::int64_t timeout_ns) noexcept {
    const std::int64_t deadline = monotonic_ns() + timeout_ns;
    while (__atomic_exchange_n(&state_, 0U, __ATOMIC_ACQ_REL) == 0) {
      const std::int64_t left = deadline - monotonic_ns();
      if (left <= 0) return false;
      const timespec relative{static_cast<time_t>(left / 1000000000), static_cast<long>(left % 1000000000)};
      ::syscall(SYS_futex, &state_, FUTEX_WAIT_PRIVATE, 0U, &relative, nullptr, 0);
    }
    return true;
  }

 private:
  std::uint32_t state_ = 0;
};

}  // namespace platform
}  // namespace pyro
