#pragma once
// What benchmarks measure by: clocks, and a thread that stays on its CPU.
#include <algorithm>
#include <cstddef>
#include <sched.h>
#include <time.h>
#include <vector>

inline double clock_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// To the CPU of this number among those allowed; a thread that moves meets cold caches.
inline void pin(int number) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  std::vector<int> cpus;
  for (int i = 0; i < CPU_SETSIZE; ++i)
    if (CPU_ISSET(i, &allowed)) cpus.push_back(i);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpus[static_cast<std::size_t>(number) % cpus.size()], &one);
  sched_setaffinity(0, sizeof one, &one);
}

/// The fastest of some runs, in seconds.
template <class Work>
double fastest(int runs, Work work) {
  double least = 1e18;
  for (int i = 0; i < runs; ++i) {
    const double begin = clock_ns(CLOCK_MONOTONIC);
    work();
    least = std::min(least, clock_ns(CLOCK_MONOTONIC) - begin);
  }
  return least / 1e9;
}
