#pragma once
// Makes pyro's handler run thousands of times a second: beside each CPU-time timer that pyro makes there is one on the wall clock with the
// same notification, cookie and all, which the handler takes for its own. Replaces timer_create and timer_delete in the program: include it
// in one of its files. In what a thread sleeps in, such a timer causes EINTR; pyro's own never does.

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <sys/syscall.h>
#include <unistd.h>

namespace flood {

inline constexpr std::uint32_t most_timers = 65536;
inline int of_timer[most_timers];  // number of the flood's timer + 1, by the number of pyro's; 0: none
inline long per_second = 0;        // 0: no flood. To be set before pyro is configured
inline long timers = 0;            // that are there now, pyro's own alone

inline void begin(int number, const sigevent& how) noexcept {
  if (per_second == 0 || static_cast<std::uint32_t>(number) >= most_timers) return;
  sigevent same = how;
  int added = 0;
  if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &same, &added) != 0) return;
  const long ns = 1000000000 / per_second;
  const itimerspec times{{0, ns}, {0, ns}};
  ::syscall(SYS_timer_settime, added, 0, &times, nullptr);
  __atomic_store_n(&of_timer[number], added + 1, __ATOMIC_RELAXED);
}

inline void end(int number) noexcept {
  if (static_cast<std::uint32_t>(number) >= most_timers) return;
  const int added = __atomic_exchange_n(&of_timer[number], 0, __ATOMIC_RELAXED);
  if (added != 0) ::syscall(SYS_timer_delete, added - 1);
}

/// In a forked child, which has none of them.
inline void forget() noexcept {
  for (int& number : of_timer) number = 0;
  timers = 0;
}

}  // namespace flood

extern "C" int timer_create(clockid_t clock, sigevent* how, timer_t* timer) noexcept {
  int number = 0;
  if (::syscall(SYS_timer_create, clock, how, &number) != 0) return -1;
  *timer = reinterpret_cast<timer_t>(static_cast<std::intptr_t>(number));
  if (how == nullptr || how->sigev_notify != SIGEV_THREAD_ID || how->sigev_signo != SIGPROF) return 0;
  __atomic_fetch_add(&flood::timers, 1L, __ATOMIC_RELAXED);
  flood::begin(number, *how);
  return 0;
}

extern "C" int timer_delete(timer_t timer) noexcept {
  const auto number = static_cast<int>(reinterpret_cast<std::intptr_t>(timer));
  flood::end(number);
  if (::syscall(SYS_timer_delete, number) != 0) return -1;
  __atomic_fetch_sub(&flood::timers, 1L, __ATOMIC_RELAXED);
  return 0;
}
