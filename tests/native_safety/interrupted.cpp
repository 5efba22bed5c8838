// No system call of the program sees that it is sampled: 27 calls that wait, COUNT times each, while threads use up their CPU time between them.
//
//   interrupted [ENGINE [COUNT]]     0 disturbed in COUNT calls each; 77 where the engine is refused here
//   interrupted control [COUNT]      with a wall-clock timer instead: shows that a disturbed call would be seen
//
// What waits for whole seconds (sleep) or for ticks of the kernel has more threads, and sleep as many calls as fit.
#include <pyro/profiler.hpp>

#include "blocking_calls.hpp"

#include "../integration/check.hpp"

#include <atomic>
#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <vector>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace {

constexpr std::size_t calls = sizeof blocking_calls::table / sizeof blocking_calls::table[0];

struct tally {
  std::atomic<long> left{0}, done{0}, disturbed{0};
};
tally tallies[calls];
long wanted = 0;  // of each
std::atomic<std::int64_t> cpu_ns{0};
std::atomic<long> wall_signals{0};
std::atomic<std::size_t> busy{0};  // rows that are counted and not yet through

void burn(long rounds) {
  for (volatile long i = 0; i < rounds; i = i + 1) {
  }
}

/// A timer of the kind that pyro does not use, for the calling thread.
class wall_timer {
 public:
  explicit wall_timer(bool runs) : runs_(runs) {
    if (!runs) return;
    sigevent notify{};
    notify.sigev_notify = SIGEV_THREAD_ID;
    notify.sigev_signo = SIGRTMIN;
    notify.sigev_notify_thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    const itimerspec times{{0, 700000}, {0, 700000}};
    blocking_calls::must(::timer_create(CLOCK_MONOTONIC, &notify, &timer_) == 0 && ::timer_settime(timer_, 0, &times, nullptr) == 0, "timer_create");
  }
  ~wall_timer() {
    if (runs_) ::timer_delete(timer_);
  }
  wall_timer(const wall_timer&) = delete;
  wall_timer& operator=(const wall_timer&) = delete;

 private:
  bool runs_;
  timer_t timer_{};
};

void caller(std::size_t which, bool control) {
  const blocking_calls::row& row = blocking_calls::table[which];
  ::prctl(PR_SET_TIMERSLACK, 1);
  PYRO_SCOPE_DYNAMIC(row.name);
  const blocking_calls::once call = row.make();  // before the timer: its partner is not to be disturbed
  tally& t = tallies[which];
  {
    const wall_timer disturbing(control);
    while (t.left.fetch_sub(1) > 0) {
      if (row.seconds && busy == 0) break;
      burn(2000);  // some microseconds, so that it is now this thread that a tick finds
      if (!call()) ++t.disturbed;
      if (++t.done == wanted && !row.seconds) --busy;
    }
  }
  cpu_ns += pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void run(long count, bool control) {
  std::vector<std::thread> threads;
  wanted = count;
  for (std::size_t i = 0; i < calls; ++i) {
    tallies[i].left = count;
    if (!blocking_calls::table[i].seconds) ++busy;
  }
  for (std::size_t i = 0; i < calls; ++i)
    for (int n = 0; n < blocking_calls::table[i].threads; ++n) threads.emplace_back(caller, i, control);
  for (std::thread& t : threads) t.join();
}

void print() {
  for (std::size_t i = 0; i < calls; ++i)
    std::printf("%-30s %8ld calls, %ld disturbed\n", blocking_calls::table[i].name, tallies[i].done.load(), tallies[i].disturbed.load());
}

int control(long count) {
  struct sigaction quiet {};
  quiet.sa_handler = [](int) { ++wall_signals; };
  quiet.sa_flags = SA_RESTART;
  ::sigaction(SIGRTMIN, &quiet, nullptr);
  run(count, true);
  print();
  CHECK(wall_signals > 1000);
  int seen = 0;
  for (std::size_t i = 0; i < calls; ++i) {
    pyro_test::context = blocking_calls::table[i].name;
    if (blocking_calls::table[i].restarted) CHECK_EQUAL(tallies[i].disturbed.load(), 0);
    else seen += tallies[i].disturbed > 0;
  }
  CHECK(seen >= 14);  // of 16, on the kernel where this was written
  return pyro_test::result();
}

int profiled(const char* engine, long count) {
  pyro::config c;
  c.engine = engine;
  c.sample_rate = 1000;
  c.outputs = "null";
  auto profiler = pyro::configure(c);
  CHECK(profiler);
  if (profiler.stats().engine != engine) return std::printf("%s: %s\n", engine, profiler.stats().engine_refused.c_str()), 77;
  run(count, false);
  CHECK(profiler.flush(std::chrono::seconds(30)));
  print();
  for (std::size_t i = 0; i < calls; ++i) {
    pyro_test::context = blocking_calls::table[i].name;
    CHECK_EQUAL(tallies[i].disturbed.load(), 0);
    CHECK(blocking_calls::table[i].seconds ? tallies[i].done >= 16 : tallies[i].done == count);
  }
  const pyro::stats s = profiler.stats();
  const auto expected = static_cast<double>(cpu_ns) / 1e6;
  std::printf("%.1f s of CPU in %d calls, %llu samples; %s\n", expected / 1e3, static_cast<int>(calls), static_cast<unsigned long long>(s.samples_produced), s.engine.c_str());
  // Nothing is shown where nothing was sampled. The observer has time for a few of the threads a round, and no signal that could disturb.
  CHECK(static_cast<double>(s.samples_produced) > (s.engine == "observer" ? 20 : expected / 2));
  CHECK_EQUAL(s.lost.timer_failed, 0U);
  return pyro_test::result();
}

}  // namespace

int main(int argc, char** argv) {
  const long count = argc > 2 ? std::atol(argv[2]) : 2000;
  if (argc > 1 && std::strcmp(argv[1], "control") == 0) return control(count);
  return profiled(argc > 1 ? argv[1] : "thread_timers", count);
}
