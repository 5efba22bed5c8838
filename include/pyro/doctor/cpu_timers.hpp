#pragma once
// Whether the system makes CPU-time timers, and whether they fire: tried with one, in a thread of its own. Any thread but a handler; some milliseconds.

#include <pyro/collect/background.hpp>
#include <pyro/doctor/finding.hpp>
#include <pyro/platform/modules.hpp>
#include <pyro/sample/thread_timers.hpp>
#include <pyro/stats.hpp>

#include <cerrno>   // why not
#include <csignal>  // sigpending
#include <cstdio>   // sscanf
#include <cstring>  // strerror
#include <memory>   // what the thread uses
#include <string>

namespace pyro {
namespace checks PYRO_HIDDEN {

class timer_trial {
 public:
  int refused = 0;            ///< errno of timer_create, or 0
  bool fired = false;
  bool had_thread = false;    ///< else firing was not tried

  static timer_trial run() {
    struct shared {
      timer_trial trial;
      collect::background_thread thread;  // with every signal blocked: the handler never sees this timer
    };
    auto here = std::make_unique<shared>();
    timer_trial& trial = here->trial;
    trial.had_thread = here->thread.start("pyro-doctor", [](void* self) { static_cast<timer_trial*>(self)->wait_for_signal(); }, &trial);
    if (!trial.had_thread) trial.make_one();
    else if (!here->thread.join(10000000000)) return (void)here.release(), timer_trial();  // stopped, or starved: left to itself
    return trial;
  }

 private:
  static constexpr std::int64_t longest_ns = 100000000;  // of CPU time: ten ticks at least

  bool make(timer_t& made) noexcept {
    sigevent notify{};
    notify.sigev_notify = SIGEV_THREAD_ID;
    notify.sigev_signo = SIGPROF;
    const pid_t tid = platform::thread_id();
    notify.sigev_notify_thread_id = tid;
    if (::timer_create(platform::thread_cpu_clock(tid), &notify, &made) == 0) return true;
    refused = errno;
    return false;
  }

  void make_one() noexcept {
    timer_t timer{};
    if (make(timer)) ::timer_delete(timer);
  }

  void wait_for_signal() noexcept {
    timer_t timer{};
    if (!make(timer)) return;
    const itimerspec soon{{0, 0}, {0, 1000000}};
    ::timer_settime(timer, 0, &soon, nullptr);
    // Asked whether it is pending, not waited for: that might take a signal from somebody whom it was meant for.
    sigset_t pending;
    while (!fired && platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) < longest_ns) fired = ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGPROF) == 1;
    ::timer_delete(timer);
  }
};

/// Nanoseconds between two ticks of the kernel: how fine its coarse clocks are.
inline std::int64_t kernel_tick_ns() noexcept {
  timespec tick{};
  return ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0 ? std::int64_t{tick.tv_sec} * 1000000000 + tick.tv_nsec : 0;
}

inline std::string milliseconds(std::int64_t ns) {
  const std::string tenths = std::to_string((ns + 50000) / 100000 % 10);
  return std::to_string((ns + 50000) / 1000000) + (tenths == "0" ? "" : "." + tenths) + " ms";
}

PYRO_COLD inline finding look_at_cpu_timers(const stats& running) {
  finding f{"CPU timers", finding_state::ok, {}, {}};
  const timer_trial trial = timer_trial::run();
  const std::int64_t tick = kernel_tick_ns();
  if (trial.refused != 0) {
    f.state = finding_state::missing;
    f.meaning = std::string("the system refuses them (timer_create: ") + std::strerror(trial.refused) + "): scopes are counted, no CPU time is sampled by thread_timers";
    f.advice = trial.refused == EAGAIN ? "raise the limit of pending signals: ulimit -i, LimitSIGPENDING= of systemd, --ulimit sigpending= of docker"
                                       : "let timer_create, timer_settime and timer_delete through the seccomp profile of the container or service";
  } else if (!trial.fired && trial.had_thread) {
    f.state = finding_state::missing;
    f.meaning = "they can be made, but none fires: no CPU time is sampled by thread_timers";
    f.advice = "the kernel (a user-space one, perhaps) has no CPU-time timers; nothing in the program helps";
  } else if (running.lost.timer_failed != 0) {
    f.state = finding_state::degraded;
    f.meaning = std::to_string(running.lost.timer_failed) + " threads got none: their scopes are counted, not sampled";
    f.advice = "raise the limit of pending signals: ulimit -i, LimitSIGPENDING= of systemd, --ulimit sigpending= of docker";
  } else {
    f.meaning = trial.fired ? "one was made, and it fired" : "one was made";
  }
  if (f.state == finding_state::ok && tick > 0)
    f.meaning += "; the kernel looks at them every " + milliseconds(tick) + ": work in bursts of a few of these or less gets its shares distorted, which engine=observer does not";
  return f;
}

/// `threads`: that there are.
PYRO_COLD inline finding look_at_signal_queue(std::size_t threads) {
  finding f{"pending signals", finding_state::ok, {}, {}};
  const std::string status = platform::file_descriptor("/proc/self/status").read_all();
  const std::size_t at = status.find("\nSigQ:");
  unsigned long long used = 0, most = 0;
  if (at == std::string::npos || std::sscanf(status.c_str() + at, " SigQ: %llu/%llu", &used, &most) != 2) {
    f.meaning = "not known, /proc/self/status cannot be read";
    return f;
  }
  f.meaning = std::to_string(used) + " of " + std::to_string(most) + " are used (of this user, RLIMIT_SIGPENDING); each thread's timer takes one";
  const unsigned long long left = most > used ? most - used : 0;
  if (left >= threads && left >= 64) return f;
  f.state = finding_state::degraded;
  f.meaning += ": threads that start now may get none, and are not sampled then";
  f.advice = "raise the limit: ulimit -i, LimitSIGPENDING= of systemd, --ulimit sigpending= of docker";
  return f;
}

}  // namespace checks
}  // namespace pyro
