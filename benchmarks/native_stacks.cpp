// What native stacks cost: the handler's time for 30 real frames, a signal's with and without it, unwind tables, the pump, and a workload's
// throughput with the profiler on and off, in turns.
//
//   native_stacks [--table] [--passes=N] [--threads=N]
//
// The handler is clocked from around it: sigaction is replaced in this program. Signals come thousands of times a second from wall-clock timers
// made beside pyro's own (tests/native_safety/flood.hpp), so that there are enough to tell p99. With --table it prints tab-separated lines for report.awk.

#include "../tests/native_safety/around_handler.hpp"
#include "../tests/native_safety/flood.hpp"
#include "timing.hpp"

#include <pyro/profiler.hpp>
#include <pyro/sample/thread.hpp>
#include <pyro/sample/unwind_table.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

inline std::uint64_t ticks() {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(clock_ns(CLOCK_MONOTONIC));
#endif
}
double ns_per_tick() {
  static const double found = [] {
    const double begin = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t from = ticks();
    while (clock_ns(CLOCK_MONOTONIC) < begin + 5e7) {
    }
    return (clock_ns(CLOCK_MONOTONIC) - begin) / static_cast<double>(ticks() - from);
  }();
  return found;
}

// ---- around the handler -----------------------------------------------------------------------------------------------------------

enum class mode { plain, empty, clocked, twice };
std::atomic<mode> how{mode::plain};
constexpr std::size_t most_clocked = 1 << 20;
std::uint32_t clocked[most_clocked];
std::atomic<std::size_t> clocked_count{0};

/// What two reads of the clock take by themselves: the least of some.
const std::uint64_t two_reads = [] {
  std::uint64_t least = UINT64_MAX;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t begin = ticks();
    least = std::min(least, ticks() - begin);
  }
  return least;
}();

}  // namespace

void around_handler::run(int number, siginfo_t* info, void* context) {
  switch (how.load(std::memory_order_relaxed)) {
    case mode::empty: return;
    case mode::plain: return inner(number, info, context);
    case mode::twice: inner(number, info, context); [[fallthrough]];  // the second one finds everything in the cache
    case mode::clocked: {
      const std::uint64_t begin = ticks();
      inner(number, info, context);
      const std::uint64_t took = ticks() - begin - two_reads;
      const std::size_t at = clocked_count.fetch_add(1, std::memory_order_relaxed);
      if (at < most_clocked) clocked[at] = static_cast<std::uint32_t>(std::min<std::uint64_t>(took, UINT32_MAX));
    }
  }
}

namespace {

// ---- a stack of about 30 frames, of the program, the C++ library and the C library -------------------------------------------------------

volatile std::uint64_t sink;
std::atomic<bool> over{false};
std::atomic<std::uint64_t> rounds{0};

__attribute__((noinline)) std::uint64_t leaf(std::uint64_t x) {
  PYRO_SCOPE("leaf");
  for (int i = 0; i < 400; ++i) x = x * 6364136223846793005ULL + 1442695040888963407ULL;
  sink = x;
  return x;
}
int compare(const void* a, const void* b) {
  const std::uint64_t x = leaf(*static_cast<const std::uint64_t*>(a));
  return (x & 1) != 0 ? 1 : *static_cast<const std::uint64_t*>(a) < *static_cast<const std::uint64_t*>(b) ? -1 : 1;
}
__attribute__((noinline)) std::uint64_t by_qsort(std::uint64_t x) {
  std::uint64_t numbers[12];
  for (std::uint64_t i = 0; i < 12; ++i) numbers[i] = x ^ (i * 7919);
  std::qsort(numbers, 12, sizeof numbers[0], &compare);
  rounds.fetch_add(1, std::memory_order_relaxed);
  return numbers[3];
}
template <int Depth>
struct nested {
  /// Different functions, different frames: a vector here, a string there.
  __attribute__((noinline)) static std::uint64_t run(std::uint64_t x) {
    std::vector<std::uint64_t> kept(static_cast<std::size_t>(Depth) + 1, x);
    const std::function<std::uint64_t(std::uint64_t)> next = [&](std::uint64_t y) { return nested<Depth - 1>::run(y + kept.back()); };
    const std::uint64_t got = Depth % 3 == 0 ? next(x) : nested<Depth - 1>::run(x + kept[0]);
    const std::string text = std::to_string(got);
    return got + text.size();
  }
};
template <>
struct nested<0> {
  __attribute__((noinline)) static std::uint64_t run(std::uint64_t x) { return by_qsort(x); }
};
std::uint64_t unit_of_work(std::uint64_t x) {
  PYRO_SCOPE("unit of work");
  return nested<17>::run(x);
}

void work_for(double ns) {
  const double until = clock_ns(CLOCK_MONOTONIC) + ns;
  std::uint64_t x = 1;
  while (clock_ns(CLOCK_MONOTONIC) < until) x = unit_of_work(x);
  sink = x;
}
/// CPU time a unit of work, in ns.
double cost_of_units(int units) {
  const double begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  std::uint64_t x = 1;
  for (int i = 0; i < units; ++i) x = unit_of_work(x);
  sink = x;
  return (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / units;
}

double share(std::vector<std::uint32_t>& sorted, double part) {
  if (sorted.empty()) return 0;
  return static_cast<double>(sorted[std::min(sorted.size() - 1, static_cast<std::size_t>(part * static_cast<double>(sorted.size())))]) * ns_per_tick();
}
double median(std::vector<double> v) {
  if (v.empty()) return 0;
  std::sort(v.begin(), v.end());
  return v.size() % 2 != 0 ? v[v.size() / 2] : (v[v.size() / 2 - 1] + v[v.size() / 2]) / 2;
}

bool as_table = false;
int place = 700;
void line(const char* what, const char* unit, double value, const char* target = "-") {
  if (as_table) std::printf("%d\tnative stacks/%s\t%s\t%g\t%g\t%s\n", place++, what, unit, value, value, target);
  else std::printf("%-46s %10.3f %-5s %s\n", what, value, unit, std::strcmp(target, "-") == 0 ? "" : target);
}

pyro::config settings(const char* stacks) {
  pyro::config c;
  c.stacks = stacks;
  c.outputs = "null";
  c.window = std::chrono::seconds(1);
  c.log = [](pyro::log_level, const std::string&) {};
  return c;
}

std::vector<std::uint32_t> clock_handler(mode m, double ns) {
  clocked_count = 0;
  how = m;
  work_for(ns);
  how = mode::plain;
  std::vector<std::uint32_t> all(clocked, clocked + std::min(most_clocked, clocked_count.load()));
  std::sort(all.begin(), all.end());
  return all;
}

/// The mean of native frames a sample.
double frames_of(const pyro::profile& p) {
  double frames = 0, samples = 0;
  for (std::size_t i = 0; i < p.samples.size(); ++i) {
    int depth = 0;
    for (std::uint32_t at = p.samples[i].stack; at != pyro::no_stack; at = p.stacks[at].parent) depth += p.frames[p.stacks[at].frame].kind == pyro::frame_kind::native;
    frames += depth * static_cast<double>(p.values_of(i)[1]);
    samples += static_cast<double>(p.values_of(i)[1]);
  }
  return samples == 0 ? 0 : frames / samples;
}

/// The handler itself.
void measure_handler(int passes) {
  flood::per_second = 4000;
  pin(0);
  auto profiler = pyro::configure(settings("merged"));
  work_for(5e8);
  std::vector<double> p50, p99, warm;
  for (int i = 0; i < passes; ++i) {
    std::vector<std::uint32_t> all = clock_handler(mode::clocked, 8e8);
    p50.push_back(share(all, 0.5));
    p99.push_back(share(all, 0.99));
    all = clock_handler(mode::twice, 2e8);
    warm.push_back(share(all, 0.5));
  }
  line("frames of a stack", "", frames_of(profiler.collect_now()));
  line("handler, p50", "us", median(p50) / 1e3, "<0.5");
  line("handler, p99", "us", median(p99) / 1e3, "<2");
  line("handler, p50, all in the cache", "us", median(warm) / 1e3);

  // A signal's whole cost to the program: work with the flood whose handler is pyro's, and with one whose handler is empty.
  std::vector<double> more;
  const double per_unit = cost_of_units(2000);
  const int units = static_cast<int>(2e8 / per_unit);
  for (int i = 0; i < passes * 3; ++i) {
    how = mode::empty;
    const double without = cost_of_units(units);
    how = mode::plain;
    const double with = cost_of_units(units);
    more.push_back((with - without) / with);  // a share of the time, at so many signals a second
  }
  const double extra_ns = median(more) * 1e9 / static_cast<double>(flood::per_second);
  line("a signal with a stack, beyond an empty handler", "us", extra_ns / 1e3);
  line("the same at 100 a second, share of a core", "%", extra_ns * 100 / 1e9 * 100, "<0.03");
  profiler.stop();
  flood::per_second = 0;
}

/// The same work with the profiler and without, in turns; the noise is what two runs without it differ by.
void measure_paired_loss(int passes) {
  const double per_unit = cost_of_units(2000);
  const int units = static_cast<int>(3e8 / per_unit);
  std::vector<double> losses, noise;
  for (int i = 0; i < passes * 3; ++i) {
    double of[3];
    for (int k = 0; k < 3; ++k) {
      const int which = (i + k) % 3;  // 0: on; 1 and 2: off
      pyro::profiler profiler;
      if (which == 0) profiler = pyro::configure(settings("merged"));
      cost_of_units(units / 10);
      of[which] = cost_of_units(units);
    }
    losses.push_back(of[0] / ((of[1] + of[2]) / 2) - 1);
    noise.push_back(std::abs(of[1] / of[2] - 1));
  }
  line("loss of throughput, profiler on", "%", median(losses) * 100, "<1");
  line("the noise: off against off", "%", median(noise) * 100);
}

double pump_percent(double ns, const std::function<void(double)>& meanwhile) {
  pyro::config c = settings("merged");
  c.window = std::chrono::milliseconds(static_cast<int>(std::min(ns / 1e6, 10000.0)));  // one of them closes meanwhile, or 10 s as by default
  auto profiler = pyro::configure(c);
  meanwhile(5e8);
  const std::int64_t before = profiler.stats().own_cpu_ns;
  const double begin = clock_ns(CLOCK_MONOTONIC);
  meanwhile(ns);
  const double took = clock_ns(CLOCK_MONOTONIC) - begin;
  return static_cast<double>(profiler.stats().own_cpu_ns - before) / took * 100;
}
void sleep_for(double ns) { std::this_thread::sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(ns))); }

void measure_pump(int passes, int threads) {
  const double ns = passes * 5e8;
  line("pump and worker, program idle", "%", pump_percent(ns, &sleep_for), "<0.5");
  line("pump and worker, one busy thread", "%", pump_percent(ns, &work_for), "<0.5");
  if (threads == 0) return;
  // A large program: threads that sleep, and mappings as allocators and loaded files make them.
  std::vector<void*> mapped;
  for (int i = 0; i < 10000; ++i) mapped.push_back(mmap(nullptr, 4096, i % 2 != 0 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  std::atomic<bool> done{false};
  std::vector<pthread_t> sleepers;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  for (int i = 0; i < threads; ++i) {
    pthread_t made;
    const auto body = [](void* flag) -> void* {
      while (!static_cast<std::atomic<bool>*>(flag)->load()) usleep(500000);
      return nullptr;
    };
    if (pthread_create(&made, &attributes, body, &done) == 0) sleepers.push_back(made);
  }
  line("the same, 10,000 mappings, 2,000 threads", "%", pump_percent(ns * 2, &sleep_for));
  done = true;
  for (const pthread_t t : sleepers) pthread_join(t, nullptr);
  for (void* m : mapped) munmap(m, 4096);
}

void measure_tables() {
  pyro::sampling::unwind_tables tables;
  const double begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  tables.update();
  line("unwind tables of this program, built in", "ms", (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / 1e6, "<50");
  line("their size", "MiB", static_cast<double>(tables.bytes()) / 1048576, "<4");
  double least = 1e18;
  for (int i = 0; i < 50; ++i) {
    const double from = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    tables.update();
    least = std::min(least, clock_ns(CLOCK_THREAD_CPUTIME_ID) - from);
  }
  line("a look whether modules have changed", "us", least / 1e3);
  line("ring of samples, a thread", "KiB", static_cast<double>(sizeof(pyro::sampling::sample_ring) / 1024), "<64");
}

}  // namespace

int main(int argc, char** argv) {
  int passes = 9, threads = 2000;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--table") == 0) as_table = true;
    else if (std::strncmp(argv[i], "--passes=", 9) == 0) passes = std::atoi(argv[i] + 9);
    else if (std::strncmp(argv[i], "--threads=", 10) == 0) threads = std::atoi(argv[i] + 10);
    else return std::fprintf(stderr, "usage: native_stacks [--table] [--passes=N] [--threads=N]\n"), 2;
  }
  measure_tables();
  measure_paired_loss(passes);
  measure_handler(passes);
  measure_pump(passes, threads);
}
