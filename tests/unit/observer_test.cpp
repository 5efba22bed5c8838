// The engine without signals: true shares where threads work in bursts, exact sums, and nothing of the program's own disturbed.
//
// Bounds: sums come from the threads' clocks, so they are exact but for what a thread does between the test's reading and pyro's. Shares come from
// looks: n of them have a sigma of sqrt(p (1 - p) / n); five are allowed.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"
#include "../sanitizers.hpp"
#include "cpu_work.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <sched.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace observer_test {

using namespace std::chrono_literals;
using pyro_test::burn;
using pyro_test::cpu_now;
using pyro_test::sampled;
using pyro_test::seconds;
using pyro_test::spin;
using pyro_test::rows_of;
using pyro_test::table;

namespace {

pyro::config observed(int rate) {
  pyro::config c = sampled(rate);
  c.engine = "observer";
  c.stacks = "merged";  // what is usual
  return c;
}

/// Four seconds of bursts of a millisecond, and sleep between them: three tenths in scope `a`, the rest in `b`.
struct bursts {
  std::int64_t a = 0, b = 0;
  double share_of_a() const { return static_cast<double>(a) / static_cast<double>(a + b); }
  void run() {
    for (const std::int64_t end = pyro::platform::monotonic_ns() + 4000000000; pyro::platform::monotonic_ns() < end;) {
      {
        PYRO_SCOPE("a");
        a += spin(300us);
      }
      {
        PYRO_SCOPE("b");
        b += spin(700us);
      }
      std::this_thread::sleep_for(1ms);
    }
  }
};

/// Of all rows whose stack ends with this scope.
pyro_test::row sum_of(const table& rows, const std::string& scope) {
  pyro_test::row sum;
  for (const auto& r : rows) {
    const std::string stack = r.first.substr(0, r.first.find(" {"));
    if (stack.size() < scope.size() || stack.compare(stack.size() - scope.size(), scope.size(), scope) != 0) continue;
    sum.calls += r.second.calls;
    sum.samples += r.second.samples;
    sum.cpu_ns += r.second.cpu_ns;
  }
  return sum;
}

bool is_near(std::int64_t seen, std::int64_t used) {
  INFO("seen " << seconds(seen) << " s of " << seconds(used) << " s");
  const bool near = std::abs(seconds(seen - used)) <= 0.02 * seconds(used) + 0.002;
  CHECK(near);
  return near;
}

}  // namespace

TEST_CASE("observer: in bursts of a millisecond shares are those of the work, where timers are far from it") {
  auto p = pyro::configure(observed(1000));
  REQUIRE(p.stats().engine == "observer");
  bursts work;
  std::thread([&] { work.run(); }).join();
  const auto rows = rows_of(p.collect_now());
  const auto seen_a = sum_of(rows, "a"), seen_b = sum_of(rows, "b");
  const double share = static_cast<double>(seen_a.cpu_ns) / static_cast<double>(seen_a.cpu_ns + seen_b.cpu_ns);
  const double truth = work.share_of_a();
  const auto n = static_cast<double>(seen_a.samples + seen_b.samples);
  INFO("share " << share << ", in truth " << truth << ", looks " << n);
  // The timers say 0.1 to 0.2 here. A machine that is busy otherwise leaves few looks; then this says little.
  REQUIRE(n > 50);
  CHECK(seen_a.cpu_ns + seen_b.cpu_ns > (work.a + work.b) * 8 / 10);  // a sleeping thread is not seen
  CHECK(std::abs(share - truth) < 5 * std::sqrt(0.3 * 0.7 / n) + 0.02);
}

TEST_CASE("observer: sums are the threads' CPU time, over windows, names and labels") {
  auto p = pyro::configure(observed(250));
  std::vector<std::int64_t> used(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < used.size(); ++i)
    threads.emplace_back([&used, i] {
      PYRO_THREAD(std::to_string(i));
      PYRO_TAG("worker", static_cast<int>(i));
      for (int k = 0; k < 10; ++k) used[i] += burn(std::chrono::milliseconds(10 * (i + 1)));
    });
  table rows;
  for (int window = 0; window < 5; ++window) {
    std::this_thread::sleep_for(50ms);
    pyro_test::add_rows(rows, p.collect_now());
  }
  for (auto& t : threads) t.join();
  pyro_test::add_rows(rows, p.collect_now());
  for (std::size_t i = 0; i < used.size(); ++i) {
    const auto row = rows.find("burn {thread=" + std::to_string(i) + ",worker=" + std::to_string(i) + "}");
    REQUIRE(row != rows.end());
    CHECK(row->second.calls == 10);
    is_near(row->second.cpu_ns, used[i]);
  }
}

TEST_CASE("observer: with more threads than CPUs it sees each of them run") {
  auto p = pyro::configure(observed(100));
  const auto n = std::max(8U, 4 * std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < n; ++i)
    threads.emplace_back([i] {
      PYRO_THREAD(std::to_string(i));
      burn(500ms);
    });
  for (auto& t : threads) t.join();
  const auto rows = rows_of(p.collect_now());
  // Fifty periods each, and all CPUs but the pump's are seen: some 25 looks where there are two. Without one by chance: never.
  for (unsigned i = 0; i < n; ++i) {
    const auto row = rows.find("burn {thread=" + std::to_string(i) + "}");
    REQUIRE(row != rows.end());
    INFO("thread " << i << " of " << n << ": " << row->second.samples << " looks");
    CHECK(row->second.samples >= 4);
  }
}

TEST_CASE("observer: nobody sees short threads run, and their time arrives all the same") {
  auto p = pyro::configure(observed(100));
  constexpr int threads = 300;
  std::atomic<std::int64_t> used{0};
  for (int i = 0; i < threads; ++i) std::thread([&used] { used += burn(1ms); }).join();
  const auto rows = rows_of(p.collect_now());
  CHECK(rows.at("burn").calls == threads);
  // Beside the scope: making the thread's slot and ending it.
  INFO(seconds(sum_of(rows, "burn").cpu_ns) << " of " << seconds(used));
  CHECK(seconds(sum_of(rows, "burn").cpu_ns) > 0.95 * seconds(used));
  CHECK(seconds(sum_of(rows, "burn").cpu_ns) < 1.5 * seconds(used));
}

TEST_CASE("observer: CPU time outside scopes, of threads with and without any") {
  auto p = pyro::configure(observed(1000));
  std::int64_t outside = 0, inside = 0;
  std::thread without([&] {
    outside += spin(300ms);  // found by the pump meanwhile
    inside = burn(200ms);
    outside += spin(100ms);
  });
  std::int64_t never = 0;
  std::thread another([&] { never = spin(400ms); });
  without.join();
  another.join();
  std::this_thread::sleep_for(300ms);  // the pump finds that they have ended
  const auto rows = rows_of(p.collect_now());
  const pyro_test::row burnt = rows.at("burn");
  INFO(seconds(burnt.cpu_ns) << " of " << seconds(inside) << ", " << burnt.samples << " looks");
  // Divided by looks: so many of them, of which two thirds should be here.
  REQUIRE(burnt.samples > 10);
  CHECK(std::abs(seconds(burnt.cpu_ns - inside)) < 5 * 0.3 * std::sqrt(2.0 / 9 / (1.5 * static_cast<double>(burnt.samples))) + 0.01);
  // Threads are found within 100 ms.
  const std::int64_t seen = rows.at("[no scope]").cpu_ns;
  INFO(seconds(seen) << " of " << seconds(outside + never));
  CHECK(seen > outside + never - 450'000'000);
  CHECK(seen < (outside + never) * 11 / 10 + 20'000'000);
}

TEST_CASE("observer: what is spent while profiling pauses counts for nothing") {
  auto p = pyro::configure(observed(250));
  std::int64_t used = 0;
  std::thread([&] {
    PYRO_SCOPE("all");
    used += spin(200ms);
    p.pause();
    spin(300ms);
    p.resume();
    used += spin(200ms);
  }).join();
  is_near(sum_of(rows_of(p.collect_now()), "all").cpu_ns, used);
}

TEST_CASE("observer: sends no signal, and the ledger balances") {
  static volatile std::sig_atomic_t signals = 0;
  struct sigaction counting {}, before {};
  counting.sa_handler = [](int) { signals = signals + 1; };
  REQUIRE(::sigaction(SIGPROF, &counting, &before) == 0);
  auto p = pyro::configure(observed(1000));
  burn(400ms);
  const pyro::profile w = p.collect_now();
  const pyro::stats s = p.stats();
  CHECK(signals == 0);
  CHECK(w.engine == "observer");
  CHECK(s.looks > 0);
  CHECK(s.samples_produced > 0);
  CHECK(s.share_error == Approx(98 / std::sqrt(static_cast<double>(s.samples_produced))));
  CHECK(s.samples_produced == s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain + s.samples_open + s.lost.ring_full);
  struct sigaction now {};
  ::sigaction(SIGPROF, nullptr, &now);
  CHECK(now.sa_handler == counting.sa_handler);
  p.stop();
  ::sigaction(SIGPROF, &before, nullptr);
}

TEST_CASE("observer: with one CPU, or nobody to look, timers take its place and stats say why") {
  const pyro_test::message_list log;
  pyro::config c = observed(100);
  c.log = log.callback();
  SECTION("one CPU") {
    cpu_set_t before, one;
    REQUIRE(::sched_getaffinity(0, sizeof before, &before) == 0);
    CPU_ZERO(&one);
    for (std::size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu)
      if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
    REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
    c.stacks = "scopes";
    auto p = pyro::configure(c);
    CHECK(p.stats().engine == "thread_timers");
    CHECK(p.stats().engine_refused.find("observer: ") == 0);
    CHECK(p.stats().engine_refused.find("one CPU") != std::string::npos);
    burn(200ms);
    CHECK(sum_of(rows_of(p.collect_now()), "burn").samples > 5);
    ::sched_setaffinity(0, sizeof before, &before);
  }
  SECTION("no background threads") {
    c.background = false;
    auto p = pyro::configure(c);
    CHECK(p.stats().engine == "thread_timers");
    CHECK(p.stats().engine_refused.find("PYRO_BACKGROUND") != std::string::npos);
  }
  CHECK(log.count("PYRO_ENGINE", pyro::log_level::error) == 1);
}

TEST_CASE("observer: a forked child goes on with it") {
#if PYRO_TEST_TSAN
  WARN("not with the thread sanitizer, which follows no threads that a forked child makes");
#else
  auto p = pyro::configure(observed(250));
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;  // not in the child
  for (int i = 0; i < 6; ++i)
    others.emplace_back([&] {
      { PYRO_SCOPE("other"); }
      while (!stop) std::this_thread::sleep_for(1ms);
    });
  burn(100ms);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::uint64_t looks_before = p.stats().looks;
    const std::int64_t used = burn(300ms);
    const std::uint64_t looks = p.stats().looks - looks_before;  // at one thread, 75 rounds
    const auto rows = rows_of(p.collect_now());
    const std::int64_t seen = sum_of(rows, "burn").cpu_ns;
    const bool right = p.stats().engine == "observer" && seen > used * 9 / 10 && seen < used * 11 / 10 && looks > 0 && looks < 200;
    if (!right)
      std::fprintf(stderr, "child: %s, %lld of %lld ns, %llu looks\n", p.stats().engine.c_str(), static_cast<long long>(seen), static_cast<long long>(used), static_cast<unsigned long long>(looks));
    ::_exit(right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  stop = true;
  for (auto& t : others) t.join();
  CHECK(status == 0);
#endif
}

TEST_CASE("observer: a long-lived thread that takes a fresh tree, whose time is counted once") {
  pyro::config c = observed(1000);
  c.max_memory = 1 << 20;
  c.max_tag_values = 100;
  auto p = pyro::configure(c);
  std::int64_t seen = 0, used = 0;
  std::thread([&] {
    { PYRO_SCOPE("first"); }  // adopted before its clock is read
    used -= cpu_now();
    int session = 0;
    for (int window = 0; window < 40; ++window) {
      for (int i = 0; i < 100; ++i, ++session) {
        PYRO_TAG("session", session);
        burn(50us);
      }
      PYRO_SCOPE("between");  // what looks find here lies in the tree that it leaves next
      for (const auto& r : rows_of(p.collect_now())) seen += r.second.cpu_ns;
      burn(30ms);
    }
    used += cpu_now();
  }).join();
  for (const auto& r : rows_of(p.collect_now())) seen += r.second.cpu_ns;
  INFO(seconds(seen) << " of " << seconds(used));
  // All of the thread's time, closing windows as well; a little of the other threads'.
  CHECK(seen >= used * 98 / 100);
  CHECK(seen <= used * 102 / 100 + 10'000'000);
}

TEST_CASE("observer: native stacks alone are not its, and the setting says so") {
  const pyro_test::message_list log;
  pyro::config c = observed(100);
  c.stacks = "native";
  c.log = log.callback();
  auto p = pyro::configure(c);
  CHECK(log.count("PYRO_STACKS", pyro::log_level::warning) == 1);
  burn(100ms);
  CHECK(rows_of(p.collect_now()).count("burn") == 1);
}

TEST_CASE("auto: scopes have the observer's times, with native frames within them") {
  pyro::config c = observed(1000);
  c.engine = "auto";
  auto p = pyro::configure(c);
  REQUIRE(p.stats().engine == "thread_timers+observer");
  CHECK(p.stats().engine_refused.empty());
  bursts work;
  std::int64_t all = 0;
  std::thread([&] {
    PYRO_THREAD("worker");
    { PYRO_SCOPE("first"); }
    all -= cpu_now();
    work.run();
    all += cpu_now();
  }).join();
  const pyro::profile w = p.collect_now();
  CHECK(w.engine == "thread_timers+observer");
  CHECK(w.native.complete > 0);
  std::int64_t seen_a = 0, seen_b = 0, seen = 0, native = 0, samples = 0;
  for (const auto& r : rows_of(w)) {
    if (r.first.find("{thread=worker}") == std::string::npos) continue;
    const bool in_a = (";" + r.first).find(";a;") != std::string::npos, in_b = (";" + r.first).find(";b;") != std::string::npos;
    (in_a ? seen_a : seen_b) += in_a || in_b ? r.second.cpu_ns : 0;
    seen += r.second.cpu_ns;
    samples += r.second.samples;
    if ((in_a || in_b) && r.first.find("[no native sample]") == std::string::npos) native += r.second.cpu_ns;
  }
  const double share = static_cast<double>(seen_a) / static_cast<double>(seen_a + seen_b), truth = work.share_of_a();
  INFO("share " << share << ", in truth " << truth << ", " << samples << " samples, native " << seconds(native) << " s of " << seconds(seen_a + seen_b));
  CHECK(std::abs(share - truth) < 0.1);  // some 2,000 looks, half of them where the machine is busy; the timers alone say 0.1 to 0.2
  is_near(seen, all);
  CHECK(native > (seen_a + seen_b) / 2);
  CHECK(samples > 50);
  const pyro::stats s = p.stats();
  CHECK(s.samples_produced == s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain + s.samples_open + s.lost.ring_full);
}

TEST_CASE("auto: where nothing is walked the observer is enough, and where it cannot be timers are") {
  pyro::config c = observed(100);
  c.engine = "auto";
  SECTION("scopes alone") {
    c.stacks = "scopes";
    auto p = pyro::configure(c);
    CHECK(p.stats().engine == "observer");
  }
  SECTION("nobody looks") {
    c.background = false;
    auto p = pyro::configure(c);
    CHECK(p.stats().engine == "thread_timers");
    CHECK(p.stats().engine_refused.find("observer: ") == 0);
  }
}

}  // namespace observer_test
