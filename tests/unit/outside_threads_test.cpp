// Threads that enter no scope: found by the pump and timed from outside; their first scope takes the slot over.
//
// A thread is found within one round of the pump (100 ms) and is sampled from then on: so much may be missing at its beginning.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"
#include "../sanitizers.hpp"
#include "cpu_work.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace outside_threads_test {

using namespace std::chrono_literals;
using pyro_test::cpu_now;
using pyro_test::sampled;
using pyro_test::seconds;
using pyro_test::spin;
using pyro_test::rows_of;

namespace {

constexpr double first_round = 0.15;  ///< until the pump has found a thread, with some patience for a busy machine

int timers_of_process() {
  std::FILE* file = std::fopen("/proc/self/timers", "r");
  if (file == nullptr) return -1;
  int count = 0;
  char line[256];
  while (std::fgets(line, sizeof line, file) != nullptr)
    if (std::string(line).compare(0, 4, "ID: ") == 0) ++count;
  std::fclose(file);
  return count;
}

}  // namespace

TEST_CASE("a thread that enters no scope is sampled from outside") {
  auto p = pyro::configure(sampled(500));
  std::int64_t used = 0;
  std::thread([&] { used = spin(700ms); }).join();
  const auto rows = rows_of(p.collect_now());
  const double seen = seconds(rows.at("[no scope]").cpu_ns);
  INFO("used " << seconds(used) << ", seen " << seen);
  CHECK(seen <= seconds(used) * 1.03 + 0.01);
  CHECK(seen >= (seconds(used) - first_round) * (PYRO_TEST_TSAN ? 0.5 : 0.95));
}

TEST_CASE("a thread that is there before configure is sampled at once") {
  double seen = 0, truly = 0;
  // What has expired since the kernel last looked is lost where a thread ends that pyro sees from outside: a tick's worth, but more where a
  // busy machine looks seldom. Then again.
  for (int attempt = 0; attempt < 5 && (attempt == 0 || std::abs(seen - truly) > 0.05 * truly + 0.02); ++attempt) {
    std::atomic<bool> go{false}, ready{false};
    std::int64_t used = 0;
    std::thread older([&] {
      ready = true;
      while (!go) std::this_thread::sleep_for(1ms);
      used = spin(300ms);
    });
    while (!ready) std::this_thread::sleep_for(1ms);
    auto p = pyro::configure(sampled(500));
    go = true;
    older.join();
    seen = seconds(rows_of(p.collect_now())["[no scope]"].cpu_ns);
    truly = seconds(used);
  }
  INFO("used " << truly << ", seen " << seen);
  CHECK(std::abs(seen - truly) <= 0.05 * truly + (PYRO_TEST_TSAN ? 0.15 : 0.02));
}

TEST_CASE("a thread's first scope takes over the slot that it was given") {
  auto p = pyro::configure(sampled(500));
  std::atomic<std::size_t> before{0}, after{0};
  std::int64_t outside = 0, inside = 0;
  std::thread([&] {
    outside = spin(400ms);  // found meanwhile
    before = p.stats().threads;
    PYRO_TAG("vehicle", "car");
    PYRO_SCOPE("late");
    after = p.stats().threads;
    inside = spin(300ms);
  }).join();
  CHECK(before == after);  // one slot, not two
  const auto rows = rows_of(p.collect_now());
  const auto& late = rows.at("late {vehicle=car}");
  CHECK(late.calls == 1);
  CHECK(std::abs(seconds(late.cpu_ns - inside)) <= 0.05 * seconds(inside) + (PYRO_TEST_TSAN ? 0.15 : 0.02));
  CHECK(seconds(rows.at("[no scope]").cpu_ns) <= seconds(outside) * 1.03 + 0.02);
  CHECK(seconds(rows.at("[no scope]").cpu_ns) >= (seconds(outside) - first_round) * (PYRO_TEST_TSAN ? 0.5 : 0.95));
}

TEST_CASE("what a thread did before its first scope is in the window, also where no thread without a scope is left") {
  auto p = pyro::configure(sampled(500));
  PYRO_SCOPE("main thread");
  std::int64_t outside = 0;
  const auto run = [&](std::chrono::milliseconds cpu) {
    std::thread([&outside, cpu] {
      outside += spin(cpu);
      PYRO_SCOPE("late");
    }).join();
  };
  run(400ms);
  const auto first = rows_of(p.collect_now());
  CHECK(seconds(first.at("[no scope]").cpu_ns) >= (seconds(outside) - first_round) * (PYRO_TEST_TSAN ? 0.5 : 0.95));
  CHECK(rows_of(p.collect_now()).count("[no scope]") == 0);  // once
}

TEST_CASE("threads that end are given up, timers and slots with them") {
  auto p = pyro::configure(sampled(1000));
  std::size_t found = 0;
  for (int round = 0; round < 6; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 30; ++i) threads.emplace_back([] { std::this_thread::sleep_for(150ms); });
    std::this_thread::sleep_for(120ms);
    found = std::max(found, p.stats().threads);
    for (auto& t : threads) t.join();
  }
  CHECK(found > 5);
  for (int i = 0; i < 60 && p.stats().threads > 2; ++i) std::this_thread::sleep_for(100ms);
  CHECK(p.stats().threads <= 2);  // this one and perhaps one of the test's own
  if (const int timers = timers_of_process(); timers >= 0) CHECK(timers <= 2);
  CHECK(p.stats().memory_bytes < (std::size_t{16} << 20));  // 180 threads in the slots of 60
}

TEST_CASE("pyro's own threads are not profiled") {
  auto p = pyro::configure(sampled(1000));
  std::this_thread::sleep_for(500ms);  // main sleeps, the pump looks around
  CHECK(p.stats().threads == (PYRO_TEST_TSAN ? 2 : 1));  // that sanitizer has a thread of its own
  CHECK(rows_of(p.collect_now())["[no scope]"].cpu_ns < 50'000'000);
}

TEST_CASE("pausing and changing the rate hold for threads without scopes too") {
  auto p = pyro::configure(sampled(500));
  std::atomic<bool> stop{false};
  std::atomic<std::int64_t> used{0};
  std::thread busy([&] {
    while (!stop) used = cpu_now();
  });
  const auto wait_for = [&](std::chrono::nanoseconds more) {  // of its CPU time, which a busy machine gives as it likes
    for (const std::int64_t end = used + more.count(); used < end;) std::this_thread::sleep_for(1ms);
  };
  std::this_thread::sleep_for(300ms);
  wait_for(100ms);
  p.pause();
  p.collect_now();
  wait_for(300ms);
  CHECK(seconds(rows_of(p.collect_now())["[no scope]"].cpu_ns) < 0.03);
  p.resume();
  p.set_sample_rate(100);
  wait_for(400ms);
  CHECK(rows_of(p.collect_now())["[no scope]"].cpu_ns > 100'000'000);
  stop = true;
  busy.join();
}

#if !PYRO_TEST_TSAN && !PYRO_TEST_ASAN
TEST_CASE("a forked child finds its own threads, and not its parent's") {
  auto p = pyro::configure(sampled(500));
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) {
    }
  });
  std::this_thread::sleep_for(250ms);
  const pid_t child = ::fork();
  if (child == 0) {
    { PYRO_SCOPE("child"); }
    std::thread([] { spin(400ms); }).join();
    const auto rows = rows_of(p.collect_now());
    const auto found = rows.find("[no scope]");
    const bool good = found != rows.end() && found->second.cpu_ns > 200'000'000 && found->second.cpu_ns < 480'000'000;
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  stop = true;
  busy.join();
}
#endif

}  // namespace outside_threads_test
