#pragma once
// Who has SIGPROF: pyro, another profiler, nobody; whether another timer sends it, and which threads hold it back. Any thread but a handler.

#include <pyro/doctor/finding.hpp>
#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/modules.hpp>
#include <pyro/platform/threads.hpp>
#include <pyro/sample/thread_timers.hpp>
#include <pyro/stats.hpp>

#include <csignal>     // sigaction
#include <cstdio>      // sscanf
#include <dlfcn.h>     // dladdr
#include <string>
#include <sys/time.h>  // getitimer

namespace pyro {
namespace checks PYRO_HIDDEN {

inline const void* handler_of(const struct sigaction& action) noexcept {
  if ((action.sa_flags & SA_SIGINFO) != 0) return reinterpret_cast<const void*>(action.sa_sigaction);
  return action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN ? nullptr : reinterpret_cast<const void*>(action.sa_handler);
}

/// "libprofiler.so.0" or "prof_handler in libprofiler.so.0".
inline std::string place_of(const void* code) {
  Dl_info where{};
  if (::dladdr(code, &where) == 0 || where.dli_fname == nullptr) return "code in no file";
  std::string file = where.dli_fname;
  file.erase(0, file.rfind('/') + 1);
  return where.dli_sname != nullptr ? std::string(where.dli_sname) + " in " + file : file;
}

PYRO_COLD inline finding look_at_handler(const stats& running, bool wants_it) {
  finding f{"SIGPROF", finding_state::ok, {}, {}};
  struct sigaction now {};
  if (::sigaction(SIGPROF, nullptr, &now) != 0) {
    f.state = finding_state::missing;
    f.meaning = "its handler cannot be asked for";
    f.advice = "let rt_sigaction through the seccomp profile of the container or service";
    return f;
  }
  const void* const handler = handler_of(now);
  if (sampling::thread_timers::has_signal(now)) {
    const struct sigaction* before = sampling::thread_timers::before();
    const void* const chained = before != nullptr ? handler_of(*before) : nullptr;
    f.meaning = "pyro's handler has it";
    if (chained != nullptr) f.meaning += "; signals that are not pyro's go on to the one before, " + place_of(chained);
  } else if (sampling::thread_timers::before() != nullptr && wants_it) {
    f.state = finding_state::missing;
    f.meaning = handler != nullptr ? "another handler was installed after pyro's (" + place_of(handler) + "): sampling stops, counts go on"
                                   : std::string("pyro's handler was removed: sampling stops, counts go on");
    f.advice = "start the other profiler before pyro, or not at all (gperftools: no CPUPROFILE, gprof: no -pg); or set PYRO_ENGINE=none";
  } else if (handler != nullptr) {
    f.meaning = "the program has a handler, " + place_of(handler) + (wants_it ? "; pyro's would pass on to it what is not its own" : "; pyro takes no signal");
  } else {
    f.meaning = running.running ? "nobody has it: pyro takes no samples by it" : "nobody has it";
  }
  return f;
}

PYRO_COLD inline finding look_at_interval_timer() {
  finding f{"other profilers", finding_state::ok, "no interval timer sends SIGPROF", {}};
  itimerval timer{};
  if (::getitimer(ITIMER_PROF, &timer) != 0 || (timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0)) return f;
  f.state = finding_state::degraded;
  f.meaning = "somebody runs setitimer(ITIMER_PROF): another profiler is at work (gperftools, gprof?). Both take samples, each signal goes to whom it is meant for; its time shows as the program's";
  f.advice = "run one profiler at a time (gperftools: no CPUPROFILE, gprof: no -pg)";
  return f;
}

/// Threads with SIGPROF in their mask, pyro's own left out.
PYRO_COLD inline finding look_at_masks() {
  finding f{"signal masks", finding_state::ok, {}, {}};
  std::size_t blocked = 0, all = 0;
  const bool listed = platform::each_thread_of_process([&](pid_t tid) noexcept {
    if (platform::own_threads::contains(tid)) return;
    ++all;
    PYRO_TRY {
      const std::string status = platform::file_descriptor(("/proc/self/task/" + std::to_string(tid) + "/status").c_str()).read_all();
      const std::size_t at = status.find("\nSigBlk:");
      unsigned long long mask = 0;
      if (at != std::string::npos && std::sscanf(status.c_str() + at, " SigBlk: %llx", &mask) == 1 && (mask >> (SIGPROF - 1) & 1) != 0) ++blocked;
    }
    PYRO_CATCH_ALL {}
  });
  if (!listed) {
    f.meaning = "not known, /proc/self/task cannot be read";
  } else if (blocked == 0) {
    f.meaning = "no thread of " + std::to_string(all) + " blocks SIGPROF";
  } else {
    f.state = finding_state::degraded;
    f.meaning = std::to_string(blocked) + " of " + std::to_string(all) + " threads block SIGPROF: their samples come when they let it in, at one place, or never";
    f.advice = "leave SIGPROF out where the program calls pthread_sigmask (sigfillset, then sigdelset(&set, SIGPROF))";
  }
  return f;
}

}  // namespace checks
}  // namespace pyro
