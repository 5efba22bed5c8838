// The sampler: CPU time by thread and scope within honest bounds, and nothing of the program's own disturbed.
//
// Bounds: a timer with a random phase gives a thread that used T of CPU time T/period expiries, ± 1. The kernel looks on its tick alone
// and merges; what it merges is weighted. A few per cent are kept for the time between reading a clock and the timer's own.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"
#include "../sanitizers.hpp"
#include "cpu_work.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <memory>
#include <poll.h>
#include <pthread.h>
#include <string>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

namespace sampler_test {

using namespace std::chrono_literals;
using pyro_test::memory_exporter;
using pyro_test::burn;
using pyro_test::cpu_now;
using pyro_test::sampled;
using pyro_test::seconds;
using pyro_test::spin;
using pyro_test::rows_of;
using pyro_test::table;

namespace {


std::int64_t total_cpu(const table& rows) {
  std::int64_t sum = 0;
  for (const auto& r : rows) sum += r.second.cpu_ns;
  return sum;
}


}  // namespace

TEST_CASE("samples times period is the CPU time of the scope, at every rate") {
  for (const int rate : {100, 250, 1000}) {
    auto p = pyro::configure(sampled(rate));
    REQUIRE(p);
    std::int64_t used = 0;
    std::thread([&used] { used = burn(800ms); }).join();
    const pyro::profile w = p.collect_now();
    const auto r = rows_of(w)["burn"];
    INFO("rate " << rate << ": used " << seconds(used) << " s, sampled " << seconds(r.cpu_ns) << " s, lost " << w.lost.ring_full);
    CHECK(r.calls == 1);
    CHECK(r.cpu_ns == r.samples * (1'000'000'000 / rate));
    CHECK(std::abs(seconds(r.cpu_ns - used)) <= 0.02 * seconds(used) + 2.0 / rate);
  }
}

TEST_CASE("scopes of a thread share its CPU time as they used it") {
  auto p = pyro::configure(sampled(1000));
  std::int64_t used[3] = {};
  std::thread([&used] {
    PYRO_SCOPE("outer");
    for (int i = 0; i < 12; ++i) {
      {
        PYRO_SCOPE("a");
        used[0] += spin(30ms);
      }
      {
        PYRO_SCOPE("b");
        PYRO_TAG("k", "v");
        used[1] += spin(60ms);
      }
      used[2] += spin(10ms);
    }
  }).join();
  auto rows = rows_of(p.collect_now());
  const char* names[] = {"outer;a", "outer;b {k=v}", "outer"};
  for (std::size_t i = 0; i < 3; ++i) {
    // What ends up on the wrong side of a change is at most the tick (10 ms at HZ=100) of each of the 36 changes, half of it on
    // average and in both directions: 5 sigma.
    INFO(names[i] << ": used " << seconds(used[i]) << " s, sampled " << seconds(rows[names[i]].cpu_ns));
    CHECK(std::abs(seconds(rows[names[i]].cpu_ns - used[i])) < 0.02 * seconds(used[i]) + 5 * 0.003 * std::sqrt(24.0));
  }
  // A label has its own row: the scope "b" itself without the tag has next to none.
  CHECK(seconds(rows["outer;b"].cpu_ns) < 0.05);
}

TEST_CASE("threads that run at once are each sampled by their own CPU time") {
  auto p = pyro::configure(sampled(250));
  std::vector<std::int64_t> used(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < used.size(); ++i)
    threads.emplace_back([&used, i] {
      PYRO_THREAD(std::to_string(i));
      used[i] = burn(std::chrono::milliseconds(100 * (i + 1)));
    });
  for (auto& t : threads) t.join();
  auto rows = rows_of(p.collect_now());
  for (std::size_t i = 0; i < used.size(); ++i) {
    const std::int64_t sampled_ns = rows["burn {thread=" + std::to_string(i) + "}"].cpu_ns;
    INFO(i << ": used " << seconds(used[i]) << " s, sampled " << seconds(sampled_ns));
    CHECK(std::abs(seconds(sampled_ns - used[i])) <= 0.02 * seconds(used[i]) + 3.0 / 250);
  }
}

TEST_CASE("short-lived threads: their sum is right though most are never seen") {
  auto p = pyro::configure(sampled(100));
  constexpr int threads = 2000;
  std::atomic<std::int64_t> used{0};
  for (int i = 0; i < threads; ++i) std::thread([&used] { used += burn(2ms); }).join();
  const auto rows = rows_of(p.collect_now());
  // Each thread is seen with the probability 2 ms / 10 ms: the sum has a sigma of sqrt(n p (1 - p)) expiries.
  const double expected = seconds(used) * 100;
  const double sigma = std::sqrt(threads * 0.2 * 0.8);
  const double seen = seconds(total_cpu(rows)) * 100;
  INFO("expected " << expected << " expiries, seen " << seen << ", sigma " << sigma);
  CHECK(std::abs(seen - expected) <= 5 * sigma + 0.03 * expected);
  CHECK(rows.at("burn").calls == threads);
}

TEST_CASE("CPU time outside all scopes has a row of its own") {
  auto p = pyro::configure(sampled(250));
  std::int64_t used = 0;
  std::thread([&used] {
    { PYRO_SCOPE("first"); }
    used = spin(400ms);
  }).join();
  auto rows = rows_of(p.collect_now());
  INFO(seconds(rows["[no scope]"].cpu_ns));
  CHECK(std::abs(seconds(rows["[no scope]"].cpu_ns - used)) <= 0.02 * seconds(used) + 3.0 / 250);
  CHECK(rows["[no scope]"].calls == 0);
}

TEST_CASE("a thread older than configure is counted and sampled from its next scope on") {
  std::atomic<int> stage{0};
  std::int64_t used = 0;
  std::thread old([&] {
    burn(50ms);
    stage = 1;
    while (stage != 2) std::this_thread::sleep_for(1ms);
    used = burn(400ms);
    stage = 3;
    while (stage != 4) std::this_thread::sleep_for(1ms);
  });
  while (stage != 1) std::this_thread::sleep_for(1ms);
  auto p = pyro::configure(sampled(250));
  stage = 2;
  while (stage != 3) std::this_thread::sleep_for(1ms);
  const auto rows = rows_of(p.collect_now());
  stage = 4;
  old.join();
  CHECK(rows.at("burn").calls == 1);
  CHECK(std::abs(seconds(rows.at("burn").cpu_ns - used)) <= 0.02 * seconds(used) + 3.0 / 250);
}

TEST_CASE("a scope that is open when profiling starts is not seen, those inside are") {
  PYRO_SCOPE("before");
  auto p = pyro::configure(sampled(250));
  burn(100ms);
  const auto rows = rows_of(p.collect_now());
  CHECK(rows.count("before") == 0);
  CHECK(rows.at("burn").calls == 1);
}

TEST_CASE("a second run samples threads that were there in the first") {
  std::atomic<int> stage{0};
  std::int64_t used = 0;
  std::thread worker([&] {
    while (stage != 1) std::this_thread::sleep_for(1ms);
    burn(50ms);
    stage = 2;
    while (stage != 3) std::this_thread::sleep_for(1ms);
    used = burn(400ms);
    stage = 4;
  });
  {
    auto p = pyro::configure(sampled(250));
    stage = 1;
    while (stage != 2) std::this_thread::sleep_for(1ms);
  }
  auto p = pyro::configure(sampled(1000));
  stage = 3;
  worker.join();
  const auto rows = rows_of(p.collect_now());
  CHECK(rows.at("burn").calls == 1);
  CHECK(std::abs(seconds(rows.at("burn").cpu_ns - used)) <= 0.02 * seconds(used) + 0.006);
}

TEST_CASE("no system call sees EINTR, and no sleep is short") {
  auto p = pyro::configure(sampled(1000));
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  std::atomic<bool> stop{false};
  std::atomic<int> disturbed{0}, calls{0};
  std::vector<std::thread> threads;
  const auto loop = [&](auto call) {
    threads.emplace_back([&, call] {
      PYRO_SCOPE("caller");
      while (!stop) {
        spin(300us);
        errno = 0;
        if (!call()) ++disturbed;
        ++calls;
      }
    });
  };
  loop([] {
    const timespec nap{0, 2'000'000};
    return ::nanosleep(&nap, nullptr) == 0;
  });
  loop([] {
    const timespec nap{0, 2'000'000};
    return ::clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr) == 0;
  });
  loop([] { return ::poll(nullptr, 0, 2) == 0; });
  loop([] {
    timeval t{0, 2000};
    return ::select(0, nullptr, nullptr, nullptr, &t) == 0;
  });
  loop([&] {
    char byte;
    return ::read(pipe_ends[0], &byte, 1) == 1;
  });
  threads.emplace_back([&] {
    while (!stop) {
      if (::write(pipe_ends[1], "x", 1) != 1) ++disturbed;
      std::this_thread::sleep_for(1ms);
    }
    (void)!::write(pipe_ends[1], "xxxx", 4);
  });
  std::this_thread::sleep_for(1500ms);
  stop = true;
  for (auto& t : threads) t.join();
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  CHECK(disturbed == 0);
  CHECK(calls > 300);
  CHECK(p.collect_now().total(1) > 50);  // there were signals
}

TEST_CASE("errno is what it was after a sample") {
  auto p = pyro::configure(sampled(1000));
  std::thread([] {
    PYRO_SCOPE("errno");
    const std::int64_t end = cpu_now() + 300'000'000;
    bool kept = true;
    for (int i = 1; cpu_now() < end; ++i) {
      errno = 1000 + i % 100;
      for (int k = 0; k < 200; ++k) asm volatile("");
      kept = kept && errno == 1000 + i % 100;
    }
    CHECK(kept);
  }).join();
  CHECK(p.collect_now().total(1) > 50);
}

namespace {

struct small_stack_job {
  static void* run(void* out) {
    *static_cast<std::int64_t*>(out) = burn(150ms);
    return nullptr;
  }
};

}  // namespace

#if !PYRO_TEST_ASAN && !PYRO_TEST_TSAN  // they need larger stacks than that
TEST_CASE("a thread with a stack of 16 KiB can be sampled") {
  auto p = pyro::configure(sampled(1000));
  std::vector<pthread_t> threads(4);
  std::vector<std::int64_t> used(threads.size());
  pthread_attr_t small;
  ::pthread_attr_init(&small);
  REQUIRE(::pthread_attr_setstacksize(&small, 16384) == 0);
  for (std::size_t i = 0; i < threads.size(); ++i) REQUIRE(::pthread_create(&threads[i], &small, &small_stack_job::run, &used[i]) == 0);
  for (const pthread_t t : threads) ::pthread_join(t, nullptr);
  ::pthread_attr_destroy(&small);
  const auto rows = rows_of(p.collect_now());
  std::int64_t sum = 0;
  for (const std::int64_t u : used) sum += u;
  CHECK(std::abs(seconds(rows.at("burn").cpu_ns - sum)) < 0.05 * seconds(sum) + 0.01);
}
#endif

TEST_CASE("a thread that blocks the signal harms nobody, and its time arrives when it lets it in") {
  auto p = pyro::configure(sampled(250));
  std::thread([] {
    sigset_t prof, before;
    ::sigemptyset(&prof);
    ::sigaddset(&prof, SIGPROF);
    ::pthread_sigmask(SIG_BLOCK, &prof, &before);
    burn(200ms);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }).join();
  std::thread([] {
    sigset_t prof;
    ::sigemptyset(&prof);
    ::sigaddset(&prof, SIGPROF);
    ::pthread_sigmask(SIG_BLOCK, &prof, nullptr);
    PYRO_SCOPE("blocked to its end");
    spin(50ms);
  }).join();
  std::int64_t used = 0;
  std::thread([&used] {
    PYRO_SCOPE("open");
    used = spin(400ms);
  }).join();
  auto rows = rows_of(p.collect_now());
  CHECK(rows["burn"].calls == 1);
  CHECK(rows["blocked to its end"].calls == 1);
  CHECK(std::abs(seconds(rows["open"].cpu_ns - used)) <= 0.02 * seconds(used) + 3.0 / 250);
}

namespace {

std::atomic<int> handled{0};
void plain_handler(int) { ++handled; }

}  // namespace

TEST_CASE("signals that are not pyro's are ignored or handed on, counts and samples go on") {
  auto p = pyro::configure(sampled(250));
  CHECK(p.stats().engine == "thread_timers");
  { PYRO_SCOPE("before"); }
  ::raise(SIGPROF);  // the default would end the program
  sigval value{};
  value.sival_ptr = &value;
  ::pthread_sigqueue(::pthread_self(), SIGPROF, value);
  burn(200ms);
  const pyro::profile w = p.collect_now();
  CHECK(w.lost.foreign_signal == 2);
  CHECK(rows_of(w).at("burn").cpu_ns > 150'000'000);
}

TEST_CASE("a handler installed later: sampling stops, one error is logged, counts go on, the handler stays") {
  const pyro_test::message_list log;
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = sampled(100);
  c.log = log.callback();
  c.exporters = {memory};
  auto p = pyro::configure(c);
  burn(50ms);
  struct sigaction foreign {}, ours {};
  foreign.sa_handler = &plain_handler;
  REQUIRE(::sigaction(SIGPROF, &foreign, &ours) == 0);
  REQUIRE(p.flush(10s));
  for (int i = 0; i < 3; ++i) {
    { PYRO_SCOPE("later"); }
    REQUIRE(p.flush(10s));
  }
  CHECK(log.count("SIGPROF", pyro::log_level::error) == 1);
  CHECK(p.stats().engine == "none");
  CHECK_FALSE(p.stats().engine_refused.empty());
  CHECK(p.stats().lost.handler_replaced == 1);
  handled = 0;
  burn(200ms);
  CHECK(handled == 0);  // no more timers
  struct sigaction now {};
  ::sigaction(SIGPROF, nullptr, &now);
  CHECK(now.sa_handler == &plain_handler);
  CHECK(memory->calls().at("later") == 3);
  p.stop();
  ::sigaction(SIGPROF, &ours, nullptr);
}

TEST_CASE("after stop there are no timers any more, and the handler stays: a late signal ends no program") {
  {
    auto p = pyro::configure(sampled(1000));
    burn(50ms);
  }
  ::raise(SIGPROF);
  std::int64_t before = 0;
  {
    auto p = pyro::configure(pyro_test::counting_only());
    burn(100ms);
    before = p.collect_now().total(1);
  }
  CHECK(before == 0);
}

TEST_CASE("changing the rate while threads run keeps the sum") {
  auto p = pyro::configure(sampled(100));
  std::atomic<bool> stop{false};
  std::int64_t used = 0;
  std::thread worker([&] {
    PYRO_SCOPE("changing");
    const std::int64_t begin = cpu_now();
    while (!stop) spin(1ms);
    used = cpu_now() - begin;
  });
  for (const int rate : {1000, 50, 250, 500, 100, 997}) {
    CHECK(p.set_sample_rate(rate));
    std::this_thread::sleep_for(200ms);
  }
  stop = true;
  worker.join();
  const std::int64_t seen = rows_of(p.collect_now())["changing"].cpu_ns;
  INFO("used " << seconds(used) << " s, sampled " << seconds(seen));
  // Each of six changes starts a new phase, and a signal that is under way then counts with the new period: 20 ms each at 50 Hz, more
  // often so on a busy machine, where signals wait for their thread.
  CHECK(std::abs(seconds(seen - used)) <= 0.02 * seconds(used) + 6 * 0.025);
}

TEST_CASE("samples of a longjmp leftover go to the scope that is really open") {
  auto p = pyro::configure(sampled(1000));
  std::thread([] {
    struct jump {
      static void __attribute__((noinline)) over(std::jmp_buf& target, int depth) {
        PYRO_SCOPE("skipped");
        volatile bool yes = true;
        if (depth > 0) over(target, depth - 1);
        else if (yes) std::longjmp(target, 1);
      }
    };
    PYRO_SCOPE("real");
    std::jmp_buf target;
    if (setjmp(target) == 0) jump::over(target, 3);
    // No scope is entered and nothing is called: the handler alone has to see that the entries are dead.
    while (cpu_now() < 300'000'000)
      for (int i = 0; i < (PYRO_TEST_TSAN ? 200'000 : 20'000'000); ++i) asm volatile("");  // that sanitizer holds signals back until a call
  }).join();
  auto rows = rows_of(p.collect_now());
  CHECK(rows["real"].cpu_ns > (PYRO_TEST_TSAN ? 200'000'000 : 250'000'000));  // and of those that it holds it keeps one
  CHECK(rows["real"].samples > 10 * rows["real;skipped"].samples);
}

}  // namespace sampler_test
