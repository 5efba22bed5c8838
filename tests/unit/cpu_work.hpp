#pragma once
// Work of a known amount of CPU time, for tests of what takes samples.

#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include <chrono>
#include <cstdint>

namespace pyro_test {

inline std::int64_t cpu_now() { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); }

/// Uses this much CPU time of the calling thread and answers how much it was.
inline std::int64_t spin(std::chrono::nanoseconds cpu) {
  const std::int64_t begin = cpu_now();
  while (cpu_now() - begin < cpu.count()) {
  }
  return cpu_now() - begin;
}

inline std::int64_t burn(std::chrono::nanoseconds cpu) {
  PYRO_SCOPE("burn");
  return spin(cpu);
}

inline double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

/// The pump runs, no window closes by itself, nothing is exported.
inline pyro::config sampled(int rate) {
  pyro::config c;
  c.window = std::chrono::hours(1);
  c.sample_rate = rate;
  c.stacks = "scopes";
  c.log = [](pyro::log_level, const std::string&) {};
  return c;
}

}  // namespace pyro_test
