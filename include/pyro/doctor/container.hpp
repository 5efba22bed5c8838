#pragma once
// Limits that a container or a service sets: CPU quota and memory of the control group (version 2), seccomp. Any thread but a handler.

#include <pyro/doctor/finding.hpp>
#include <pyro/doctor/kernel.hpp>
#include <pyro/encode/units.hpp>

#include <algorithm>  // min
#include <cstdio>     // sscanf
#include <string>

namespace pyro {
namespace checks PYRO_HIDDEN {

/// Where the control group's files are.
struct cgroup_paths {
  std::string root = "/sys/fs/cgroup";
  std::string list = "/proc/self/cgroup";
};

/// "/system.slice/x.service"; "/" at the top or in a container; empty where there is no version 2.
inline std::string own_cgroup(const cgroup_paths& at) {
  const std::string list = platform::file_descriptor(at.list.c_str()).read_all();
  for (std::size_t begin = 0; begin < list.size();) {
    const std::size_t end = std::min(list.find('\n', begin), list.size());
    const std::string line = list.substr(begin, end - begin);
    if (line.compare(0, 3, "0::") == 0) return line.substr(3);
    begin = end + 1;
  }
  return {};
}

/// The number after a word of a file such as cpu.stat; 0 where there is none.
inline unsigned long long number_after(const std::string& text, const std::string& word) {
  unsigned long long number = 0;
  const std::size_t at = ("\n" + text).find("\n" + word + " ");
  return at != std::string::npos && std::sscanf(text.c_str() + at + word.size(), " %llu", &number) == 1 ? number : 0;
}

/// Limits hold for all groups below: the tightest of those above counts.
struct cgroup_limits {
  double cpus = 0;                       ///< of the quota; 0: none
  unsigned long long throttled = 0, periods = 0;
  unsigned long long memory = 0;         ///< bytes; 0: no limit
  unsigned long long memory_used = 0;

  static cgroup_limits read(const cgroup_paths& at) {
    cgroup_limits limits;
    std::string group = own_cgroup(at);
    if (group.empty()) return limits;
    for (;;) {
      const std::string folder = at.root + (group == "/" ? "" : group) + '/';
      unsigned long long quota = 0, period = 0, memory = 0;
      if (std::sscanf(first_line(folder + "cpu.max").c_str(), "%llu %llu", &quota, &period) == 2 && period != 0) {
        const double cpus = static_cast<double>(quota) / static_cast<double>(period);
        if (limits.cpus == 0 || cpus < limits.cpus) {
          limits.cpus = cpus;
          const std::string stat = platform::file_descriptor((folder + "cpu.stat").c_str()).read_all();
          limits.throttled = number_after(stat, "nr_throttled");
          limits.periods = number_after(stat, "nr_periods");
        }
      }
      if (std::sscanf(first_line(folder + "memory.max").c_str(), "%llu", &memory) == 1 && (limits.memory == 0 || memory < limits.memory)) {
        limits.memory = memory;
        std::sscanf(first_line(folder + "memory.current").c_str(), "%llu", &limits.memory_used);
      }
      if (group == "/" || group.empty()) return limits;
      group.erase(group.rfind('/'));
      if (group.empty()) group = "/";
    }
  }
};

PYRO_COLD inline finding look_at_cpu_quota(const cgroup_limits& limits) {
  finding f{"CPU quota", finding_state::ok, "none", {}};
  if (limits.cpus == 0) return f;
  char cpus[32];
  std::snprintf(cpus, sizeof cpus, "%.2f", limits.cpus);
  f.meaning = std::string(cpus) + " CPUs (cpu.max of the control group)";
  if (limits.periods == 0 || limits.throttled * 100 < limits.periods) return f;
  f.state = finding_state::degraded;
  f.meaning += "; throttled in " + std::to_string(limits.throttled) + " of " + std::to_string(limits.periods) +
               " periods: all threads stand still then, pyro's too. CPU shares stay right; what takes long may have been held up, not slow";
  f.advice = "raise the quota (--cpus, resources.limits.cpu), or use fewer threads than CPUs";
  return f;
}

/// `wanted`: what the profiler may take.
PYRO_COLD inline finding look_at_memory_limit(const cgroup_limits& limits, std::size_t wanted) {
  finding f{"memory limit", finding_state::ok, "none", {}};
  if (limits.memory == 0) return f;
  const auto bytes = [](unsigned long long n) { return detail::format_bytes(static_cast<std::int64_t>(n)); };
  f.meaning = bytes(limits.memory) + " (memory.max of the control group), " + bytes(limits.memory_used) + " used";
  if (limits.memory > limits.memory_used && limits.memory - limits.memory_used >= wanted) return f;
  f.state = finding_state::degraded;
  f.meaning += ": less is left than pyro may take (" + bytes(wanted) + ")";
  f.advice = "raise the limit (--memory, resources.limits.memory), or lower PYRO_MAX_MEMORY and PYRO_UPLOAD_QUEUE_BYTES";
  return f;
}

/// A filter is nothing bad: what it refuses is found by trying.
PYRO_COLD inline finding look_at_seccomp() {
  finding f{"seccomp", finding_state::ok, "no filter", {}};
  const std::string status = platform::file_descriptor("/proc/self/status").read_all();
  const std::size_t at = status.find("\nSeccomp:");
  unsigned mode = 0;
  if (at == std::string::npos || std::sscanf(status.c_str() + at, " Seccomp: %u", &mode) != 1) f.meaning = "not known";
  else if (mode != 0) f.meaning = "a filter is in force; what it refuses of what pyro needs is said here";
  return f;
}

}  // namespace checks
}  // namespace pyro
