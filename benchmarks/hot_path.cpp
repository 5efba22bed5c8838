// Times entering and leaving against two raw clock reads, in one process and interleaved: ratios hold where nanoseconds do not.
//
// One batch is the row, the same loop without pyro, the clock reads and an empty loop, right after each other. One pass (a repetition of
// Google Benchmark, in random order with all other rows) takes the least of some batches for each of the four, which leaves out interrupts;
// its ratio is one figure. The clock is the thread's CPU time, so that other programs' turns do not count.
//
// With --table it prints tab-separated lines for report.awk, otherwise what Google Benchmark prints.

#include "rows.hpp"
#include "timing.hpp"

#include <pyro/profiler.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <time.h>
#include <vector>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace {

double cpu_ns() { return clock_ns(CLOCK_THREAD_CPUTIME_ID); }

/// One raw clock read: what every tracer pays twice a scope.
inline void read_clock() {
#if defined(__x86_64__)
  benchmark::DoNotOptimize(__rdtsc());
#else
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  benchmark::DoNotOptimize(now);
#endif
}
__attribute__((noinline)) void two_clock_reads(long rounds) {
  for (long i = 0; i < rounds; ++i) {
    read_clock();
    benchmark::ClobberMemory();
    read_clock();
    benchmark::ClobberMemory();
  }
}
__attribute__((noinline)) void nothing(long rounds) {
  for (long i = 0; i < rounds; ++i) benchmark::ClobberMemory();
}

double time_of(void (*run)(long), long rounds) {
  const double begin = cpu_ns();
  run(rounds);
  return cpu_ns() - begin;
}

constexpr long batch_entries = 32768;  // some 50 µs: long against reading the CPU clock, short against whatever disturbs
constexpr long clock_rounds = 2048;
constexpr int batches = 20;
int first_cpu = 0;

void measure(benchmark::State& state, const rows::row& with, const rows::row& without) {
  pin(first_cpu);
  const int entries = std::abs(with.entries);
  const long rounds = std::max(1L, batch_entries / entries);
  double least_with = 1e18, least_without = 1e18, least_clock = 1e18, least_nothing = 1e18;
  with.run(rounds);
  for (auto _ : state) {
    const double now = time_of(with.run, rounds);
    least_with = std::min(least_with, now);
    least_without = std::min(least_without, time_of(without.run, rounds));
    least_clock = std::min(least_clock, time_of(two_clock_reads, clock_rounds));
    least_nothing = std::min(least_nothing, time_of(nothing, clock_rounds));
    state.SetIterationTime(now * 1e-9 / static_cast<double>(rounds * entries));
  }
  const double ns = (least_with - least_without) / static_cast<double>(rounds * entries);
  const double clock = (least_clock - least_nothing) / static_cast<double>(clock_rounds);
  state.counters["ns"] = ns;
  state.counters["ratio"] = ns / clock;
}

/// The clock itself, so that the table can name what it divides by.
void measure_clock(benchmark::State& state) {
  pin(first_cpu);
  double least = 1e18, least_nothing = 1e18;
  for (auto _ : state) {
    const double now = time_of(two_clock_reads, clock_rounds);
    least = std::min(least, now);
    least_nothing = std::min(least_nothing, time_of(nothing, clock_rounds));
    state.SetIterationTime(now * 1e-9 / static_cast<double>(clock_rounds));
  }
  state.counters["ns"] = (least - least_nothing) / static_cast<double>(clock_rounds);
  state.counters["ratio"] = 1;
}

/// A thread's first scope ever: slot, tree, timer. Paid once a thread.
void measure_first_scope(benchmark::State& state, const rows::row& one) {
  double least = 1e18;
  for (auto _ : state) {
    double took = 0;
    std::thread([&] {
      pin(first_cpu);
      took = time_of(one.run, 1) - time_of(nothing, 1);
    }).join();
    least = std::min(least, took);
    state.SetIterationTime(took * 1e-9);
  }
  state.counters["ns"] = least;
  state.counters["ratio"] = 0;
}

/// What two threads get done together, against what one does alone, by their own CPU time. A shared cache line on the hot path would
/// show here. Batches in which the two did not really run side by side (a busy machine) say nothing and are left out.
void measure_two_threads(benchmark::State& state, const rows::row& row) {
  constexpr long rounds = 400000;
  std::atomic<int> ready{0};
  std::atomic<int> turn{0};
  double other_cpu = 0, other_wall = 0;
  bool done = false;
  std::thread other([&] {
    pin(first_cpu + 1);
    row.run(rounds);
    for (int expected = 1;; ++expected) {
      ready.fetch_add(1);
      while (turn.load(std::memory_order_acquire) != expected) {}
      if (done) return;
      const double wall = clock_ns(CLOCK_MONOTONIC);
      other_cpu = time_of(row.run, rounds);
      other_wall = clock_ns(CLOCK_MONOTONIC) - wall;
    }
  });
  pin(first_cpu);
  row.run(rounds);
  double least_alone = 1e18, least_own = 1e18, least_other = 1e18;
  int batch = 0;
  for (auto _ : state) {
    while (ready.load() != batch + 1) {}
    const double alone = time_of(row.run, rounds);  // the other waits for its turn, on its own CPU
    turn.store(++batch, std::memory_order_release);
    const double wall = clock_ns(CLOCK_MONOTONIC);
    const double own_cpu = time_of(row.run, rounds);
    const double own_wall = clock_ns(CLOCK_MONOTONIC) - wall;
    while (ready.load() != batch + 1) {}
    state.SetIterationTime(own_cpu * 1e-9 / static_cast<double>(rounds));
    if (own_cpu < 0.9 * own_wall || other_cpu < 0.9 * other_wall) continue;
    least_alone = std::min(least_alone, alone);
    least_own = std::min(least_own, own_cpu);
    least_other = std::min(least_other, other_cpu);
  }
  done = true;
  turn.store(batch + 1, std::memory_order_release);
  other.join();
  state.counters["ns"] = least_own / static_cast<double>(rounds);
  state.counters["ratio"] = least_own < 1e18 ? least_alone / least_own + least_alone / least_other : 0;  // 0: never side by side
}

/// Lines for report.awk: place in the table, what, unit, value, ratio, target ("<0.1", ">1.95" or "-").
class table_reporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs)
      if (run.run_type == Run::RT_Iteration && !run.error_occurred)
        std::printf("%d\t%s\tns\t%.4f\t%.5f\t%s\n", static_cast<int>(run.counters.at("place").value),
                    run.run_name.function_name.c_str(), run.counters.at("ns").value, run.counters.at("ratio").value,
                    run.report_label.c_str());
  }
};

/// One line of the table. `most`: its target as a ratio; 0: none. Lines stand in the order of `place`.
struct line {
  int place;
  std::string name;
  double target;
};

template <class Run>
void add(const line& what, int passes, int iterations, Run run) {
  char target[32] = "-";
  if (what.target != 0) std::snprintf(target, sizeof target, "%c%g", what.target > 1 ? '>' : '<', what.target);
  const std::string label = target;
  const int place = what.place;
  benchmark::RegisterBenchmark(what.name.c_str(), [=](benchmark::State& state) {
    run(state);
    state.SetLabel(label);
    state.counters["place"] = place;
  })->UseManualTime()->Iterations(iterations)->Repetitions(passes)->Unit(benchmark::kNanosecond);
}

void add_rows(const std::string& from, int place, int passes, const rows::table& with, const rows::table& without) {
  for (int i = 0; i < with.count; ++i) {
    const rows::row* row = &with.rows[i];
    const rows::row* empty = &without.rows[i];
    const auto run = [=](benchmark::State& state) { measure(state, *row, *empty); };
    if (row->most_off != 0) add({place + i, "off, " + from + "/" + row->what, row->most_off}, passes, batches, run);
    add({place + 200 + i, "on, " + from + "/" + row->what, row->most_on}, passes, batches, run);
  }
}

}  // namespace

int main(int argc, char** argv) {
  bool table = false;
  int passes = 5;
  std::vector<char*> rest;
  for (int i = 0; i < argc; ++i) {
    if (std::strcmp(argv[i], "--table") == 0) table = true;
    else if (std::strncmp(argv[i], "--passes=", 9) == 0) passes = std::max(1, std::atoi(argv[i] + 9));
    else if (std::strncmp(argv[i], "--cpu=", 6) == 0) first_cpu = std::max(0, std::atoi(argv[i] + 6));
    else rest.push_back(argv[i]);
  }
  std::string interleave = "--benchmark_enable_random_interleaving=true";
  rest.push_back(interleave.data());
  int rest_count = static_cast<int>(rest.size());
  benchmark::Initialize(&rest_count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(rest_count, rest.data())) return 2;

  const rows::table executable = rows::executable();
  const rows::row* one_site = &executable.rows[0];
  add({0, "off/two raw clock reads", 0}, passes, batches, measure_clock);
  add({200, "on/two raw clock reads", 0}, passes, batches, measure_clock);
  add_rows("executable", 1, passes, executable, rows::executable_without());
  add_rows("shared library", 101, passes, rows::shared_library(), rows::shared_library_without());
  add({400, "on/two threads together, of what one does", 1.95}, passes, 10, [=](benchmark::State& s) { measure_two_threads(s, *one_site); });
  add({401, "on/first scope of a thread", 0}, passes, 20, [=](benchmark::State& s) { measure_first_scope(s, *one_site); });

  table_reporter lines;
  benchmark::ConsoleReporter console;
  benchmark::BenchmarkReporter* reporter = table ? static_cast<benchmark::BenchmarkReporter*>(&lines) : &console;

  // First what it costs while nothing runs: compiled in, and `configure` not called yet.
  benchmark::RunSpecifiedBenchmarks(reporter, "^off");

  pyro::config config;
  config.application_name = "pyro benchmarks";
  config.max_tag_values = 64;
  auto profiler = pyro::configure(config);
  if (!profiler) {
    std::fprintf(stderr, "hot_path: pyro does not start: %s\n", profiler.error().c_str());
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks(reporter, "^on");
  return 0;
}
