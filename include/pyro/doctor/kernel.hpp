#pragma once
// What the kernel allows and offers besides timers: perf_event, /proc, reading one's own memory, clocks, CPUs. Each is tried, not guessed from
// versions. Any thread but a handler.

#include <pyro/doctor/finding.hpp>
#include <pyro/platform/modules.hpp>
#include <pyro/platform/threads.hpp>

#include <cerrno>              // why not
#include <cstring>             // strerror
#include <linux/perf_event.h>  // perf_event_open
#include <sched.h>             // sched_getaffinity
#include <string>
#include <sys/syscall.h>
#include <sys/uio.h>           // process_vm_readv
#include <unistd.h>            // sysconf

#if defined(__x86_64__)
#include <cpuid.h>  // whether the time stamp counter is steady
#endif

namespace pyro {
namespace checks PYRO_HIDDEN {

/// The first line of a small file; empty where it can't be read.
inline std::string first_line(const std::string& path) {
  const std::string text = platform::file_descriptor(path.c_str()).read_all();
  return text.substr(0, text.find('\n'));
}

/// 0, or why a counter of the caller's own time in user code can't be opened.
inline int open_perf_event() noexcept {
  perf_event_attr wanted{};
  wanted.type = PERF_TYPE_SOFTWARE;
  wanted.size = sizeof wanted;
  wanted.config = PERF_COUNT_SW_CPU_CLOCK;
  wanted.sample_period = 10000000;
  wanted.exclude_kernel = wanted.exclude_hv = wanted.disabled = 1;
  const long made = ::syscall(SYS_perf_event_open, &wanted, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (made < 0) return errno;
  ::close(static_cast<int>(made));
  return 0;
}

PYRO_COLD inline finding look_at_perf_event() {
  finding f{"perf_event", finding_state::ok, "allowed for this process's own code", {}};
  const int error = open_perf_event();
  if (error == 0) return f;
  const std::string paranoid = first_line("/proc/sys/kernel/perf_event_paranoid");
  f.state = finding_state::degraded;
  f.meaning = std::string("refused (") + std::strerror(error) + (paranoid.empty() ? "" : "; kernel.perf_event_paranoid is " + paranoid) + "); thread_timers does without it";
  const bool by_level = !paranoid.empty() && paranoid[0] != '-' && paranoid > "2" && paranoid.size() == 1;
  f.advice = by_level          ? "only where you want it: sysctl kernel.perf_event_paranoid=2, or the capability CAP_PERFMON"
             : error == ENOSYS ? "only where you want it: a kernel with CONFIG_PERF_EVENTS, or let perf_event_open through the seccomp profile"
                               : "only where you want it: let perf_event_open through the container's seccomp profile, or give it CAP_PERFMON";
  return f;
}

PYRO_COLD inline finding look_at_own_memory() {
  finding f{"own memory", finding_state::ok, "process_vm_readv reads it", {}};
  int from = 1, to = 0;
  const iovec local{&to, sizeof to}, remote{&from, sizeof from};
  if (::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == sizeof to) return f;
  f.state = finding_state::degraded;
  f.meaning = std::string("process_vm_readv is refused (") + std::strerror(errno) +
              "): samples on stacks that are not a thread's own (coroutines, signal stacks) have their innermost frame alone";
  f.advice = "let process_vm_readv through the seccomp profile of the container or service (docker does from 19.03 on)";
  return f;
}

PYRO_COLD inline finding look_at_proc() {
  finding f{"/proc", finding_state::ok, "maps and threads can be read", {}};
  const bool threads = platform::each_thread_of_process([](pid_t) noexcept {});
  const bool maps = platform::each_mapping([](std::uintptr_t, std::uintptr_t, bool) noexcept {});
  if (threads && maps) return f;
  f.state = finding_state::missing;
  f.meaning = std::string(threads ? "/proc/self/maps" : "/proc/self/task") +
              " cannot be read: native frames have no names and no callers, threads without a scope are not found; scopes and tags are not affected";
  f.advice = "mount proc where the program runs (a chroot, perhaps): mount -t proc proc /proc";
  return f;
}

/// Of the machine, as the first CPU says it.
inline bool has_steady_counter() noexcept {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007U, &a, &b, &c, &d) != 0 && (d >> 8 & 1U) != 0;  // invariant TSC
#else
  return true;  // aarch64's counter always is
#endif
}

/// `sys`: for tests.
PYRO_COLD inline finding look_at_clock(const std::string& sys = "/sys") {
  finding f{"clock", finding_state::ok, {}, {}};
  const std::string source = first_line(sys + "/devices/system/clocksource/clocksource0/current_clocksource");
  const bool fast = source.empty() || source == "tsc" || source == "arch_sys_counter" || source == "kvm-clock" || source == "hyperv_clocksource_tsc_page";
  f.meaning = source.empty() ? "the kernel's clock source is not known" : "the kernel's clock source is " + source;
  if (fast && has_steady_counter()) return f;
  f.state = finding_state::degraded;
  f.meaning += !fast ? ": a look at the clock is a system call. Counts and samples need none"
                     : ", and this CPU's counter is not invariant: the kernel may leave it for a slower one. Counts and samples need no clock";
  f.advice = "nothing for sampling; code that reads clocks often profits from a host that offers tsc";
  return f;
}

/// CPUs that the caller may run on, 0 where unknown.
inline int usable_cpus() noexcept {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 0;  // fails on more than 1,024
}

PYRO_COLD inline finding look_at_cpus() {
  finding f{"CPUs", finding_state::ok, {}, {}};
  const int usable = usable_cpus();
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  f.meaning = (usable == 0 ? "many" : std::to_string(usable)) + " of " + std::to_string(online) + " may be used";
  if (usable != 1) return f;
  f.state = finding_state::degraded;
  f.meaning += ": pyro's threads share it with the program's and may come late, and no thread of them ever sees another one run";
  f.advice = "allow two (taskset, cpuset, --cpuset-cpus); samples by thread_timers are right on one as well";
  return f;
}

}  // namespace checks
}  // namespace pyro
