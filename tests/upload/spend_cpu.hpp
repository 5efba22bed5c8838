#pragma once
// CPU time that is sampled. Kernels look at such timers on their tick, every 4 ms perhaps; a machine that gave its time to others counts that as
// one long step, in which nothing is looked at: of a step a millisecond counts.

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace pyro_test {

inline void spend_cpu(int ms) {
  const auto now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
  };
  std::int64_t used = 0;
  for (std::int64_t last = now(); used < ms * std::int64_t{1000000};) {
    const std::int64_t next = now();
    used += std::min<std::int64_t>(next - last, 1000000);
    last = next;
  }
}

}  // namespace pyro_test
