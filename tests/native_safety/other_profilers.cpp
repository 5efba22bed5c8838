// Others that use SIGPROF, before pyro and after: what is theirs reaches them, what is pyro's does not, and neither counts the other's. One scenario a
// process.
//
//   other_profilers [SCENARIO]
#include <pyro/profiler.hpp>

#include "../integration/check.hpp"
#include "../integration/process.hpp"
#include "../integration/rows.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <ctime>
#include <pthread.h>
#include <sys/time.h>
#include <thread>
#include <vector>

namespace {

std::int64_t cpu_now() { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); }

std::int64_t burn(int milliseconds) {
  PYRO_SCOPE("burn");
  const std::int64_t begin = cpu_now();
  while (cpu_now() - begin < std::int64_t{milliseconds} * 1000000) {
  }
  return cpu_now() - begin;
}

struct under_test {
  under_test() {
    pyro::config c;
    c.window = std::chrono::hours(1);
    c.sample_rate = 250;
    c.stacks = "scopes";
    c.exporters = {memory};
    c.log = messages.callback();
    profiler = pyro::configure(c);
    CHECK(profiler);
  }
  /// CPU time that pyro has seen against what was used: neither lost nor anybody else's. What others send would be 4 ms each; a tick at each end of a
  /// burn may be on the wrong side.
  void check_cpu(std::int64_t used) {
    CHECK(profiler.flush(std::chrono::seconds(10)));
    const std::int64_t seen = memory->rows()["burn"].cpu_ns;
    if (!CHECK(std::abs(static_cast<double>(seen - used)) <= 0.05 * static_cast<double>(used) + 0.03e9)) std::fprintf(stderr, "used %lld, seen %lld\n", static_cast<long long>(used), static_cast<long long>(seen));
  }
  std::shared_ptr<pyro_test::memory_exporter> memory = std::make_shared<pyro_test::memory_exporter>();
  pyro_test::message_list messages;
  pyro::profiler profiler;
};

std::atomic<long> theirs{0}, strange{0}, sum{0};

void plain(int number) {
  ++theirs;
  if (number != SIGPROF) ++strange;
}
void with_info(int number, siginfo_t* info, void* context) {
  ++theirs;
  if (number != SIGPROF || context == nullptr || (info->si_code == SI_TIMER)) ++strange;
  if (info->si_code == SI_QUEUE) sum += info->si_value.sival_int;
}

struct sigaction install(void (*handler)(int), int flags = 0) {
  struct sigaction mine {}, before {};
  mine.sa_handler = handler;
  mine.sa_flags = flags;
  CHECK(::sigaction(SIGPROF, &mine, &before) == 0);
  return before;
}
void install(void (*handler)(int, siginfo_t*, void*)) {
  struct sigaction mine {};
  mine.sa_sigaction = handler;
  mine.sa_flags = SA_SIGINFO | SA_RESTART;
  CHECK(::sigaction(SIGPROF, &mine, nullptr) == 0);
}

/// Signals to this thread, one after the other, while it is sampled.
void send(int count) {
  for (int i = 1; i <= count; ++i) {
    sigval value{};
    value.sival_int = i;
    ::pthread_sigqueue(::pthread_self(), SIGPROF, value);
  }
}

std::int64_t burn_and_send() {
  std::int64_t used = 0;
  for (int i = 0; i < 10; ++i) {
    used += burn(50);
    send(100);
  }
  return used;
}

// ---- before pyro -----------------------------------------------------------------------------------------------------------------------

void before_with_info() {
  install(&with_info);
  under_test t;
  const std::int64_t used = burn_and_send();
  CHECK_EQUAL(theirs.load(), 1000);
  CHECK_EQUAL(sum.load(), 10 * 5050);
  CHECK_EQUAL(strange.load(), 0);
  t.check_cpu(used);
  CHECK_EQUAL(t.profiler.stats().lost.foreign_signal, 1000U);
  t.profiler.stop();
  send(10);  // also when pyro has stopped
  CHECK_EQUAL(theirs.load(), 1010);
}

void before_plain() {
  install(&plain);
  under_test t;
  const std::int64_t used = burn_and_send();
  CHECK_EQUAL(theirs.load(), 1000);
  CHECK_EQUAL(strange.load(), 0);
  t.check_cpu(used);
}

void before_once() {
  install(&plain, static_cast<int>(SA_RESETHAND));
  under_test t;
  const std::int64_t used = burn_and_send();
  CHECK_EQUAL(theirs.load(), 1);
  t.check_cpu(used);
}

void before_with_mask() {
  struct sigaction mine {};
  mine.sa_handler = [](int) {
    sigset_t now;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
    ++theirs;
    if (!::sigismember(&now, SIGUSR1) || !::sigismember(&now, SIGRTMAX) || !::sigismember(&now, SIGPROF) || ::sigismember(&now, SIGUSR2)) ++strange;
  };
  ::sigaddset(&mine.sa_mask, SIGUSR1);
  ::sigaddset(&mine.sa_mask, SIGRTMAX);
  ::sigaction(SIGPROF, &mine, nullptr);
  under_test t;
  const std::int64_t used = burn_and_send();
  CHECK_EQUAL(theirs.load(), 1000);
  CHECK_EQUAL(strange.load(), 0);
  sigset_t now;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &now);
  for (const int number : {SIGUSR1, SIGRTMAX, SIGPROF}) CHECK(!::sigismember(&now, number));
  t.check_cpu(used);
}

void before_ignored() {
  ::signal(SIGPROF, SIG_IGN);
  under_test t;
  t.check_cpu(burn_and_send());
  CHECK_EQUAL(t.profiler.stats().lost.foreign_signal, 1000U);
}

void before_nobody() {  // the default would end the program
  under_test t;
  t.check_cpu(burn_and_send());
}

/// A profiler by ITIMER_PROF, as gperftools and gprof are: its signals go to whichever thread runs.
void before_interval_timer() {
  install(&with_info);
  const itimerval often{{0, 10000}, {0, 10000}}, never{};
  under_test t;
  ::setitimer(ITIMER_PROF, &often, nullptr);
  std::atomic<std::int64_t> used{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&used] { used += burn(500); });
  for (std::thread& thread : threads) thread.join();
  ::setitimer(ITIMER_PROF, &never, nullptr);
  burn(1);  // what is still on its way
  const std::int64_t whole = used;
  t.check_cpu(whole);
  const long expected = static_cast<long>(whole / 10000000);  // those that the kernel merges are lost with or without pyro
  if (!CHECK(theirs > expected / 2 && theirs <= expected + 3)) std::fprintf(stderr, "%ld of %ld\n", theirs.load(), expected);
  CHECK_EQUAL(strange.load(), 0);
  CHECK_EQUAL(static_cast<long>(t.profiler.stats().lost.foreign_signal), theirs.load());  // each was handed on
  CHECK_EQUAL(t.messages.count("SIGPROF", pyro::log_level::error), 0);
}

/// A profiler that has timers of its own: its signals differ from pyro's by what they carry alone.
void before_timer() {
  static std::atomic<long> carried{0};
  struct sigaction mine {};
  mine.sa_flags = SA_SIGINFO | SA_RESTART;
  mine.sa_sigaction = [](int, siginfo_t* info, void*) {
    if (info->si_code == SI_TIMER && info->si_value.sival_ptr == &carried) ++carried;
    else ++strange;
  };
  ::sigaction(SIGPROF, &mine, nullptr);
  under_test t;
  sigevent notify{};
  notify.sigev_notify = SIGEV_SIGNAL;
  notify.sigev_signo = SIGPROF;
  notify.sigev_value.sival_ptr = &carried;
  timer_t timer{};
  const itimerspec often{{0, 5000000}, {0, 5000000}};
  CHECK(::timer_create(CLOCK_PROCESS_CPUTIME_ID, &notify, &timer) == 0 && ::timer_settime(timer, 0, &often, nullptr) == 0);
  const std::int64_t used = burn(1000);
  ::timer_delete(timer);
  CHECK(carried > 50);
  CHECK_EQUAL(strange.load(), 0);
  t.check_cpu(used);
}

/// Not sent by a timer, though it carries what pyro's timers do.
void before_lookalike() {
  install(&with_info);
  under_test t;
  const std::int64_t used = burn(300);
  long sent = 0;
  for (std::uint64_t generation = 0; generation < 4; ++generation)
    for (std::uint64_t index = 0; index < 4; ++index)
      for (int i = 0; i < 10; ++i, ++sent) {
        sigval value{};
        value.sival_ptr = reinterpret_cast<void*>(std::uint64_t{0x9f70} << 48 | generation << 24 | index);
        ::pthread_sigqueue(::pthread_self(), SIGPROF, value);
      }
  CHECK_EQUAL(theirs.load(), sent);
  t.check_cpu(used);
}

// ---- after pyro ------------------------------------------------------------------------------------------------------------------------

struct sigaction pyros {};
/// As a careful profiler does it: what is not its own goes on.
void handing_on(int number, siginfo_t* info, void* context) {
  if (info->si_code == SI_QUEUE) ++theirs;
  else if ((pyros.sa_flags & SA_SIGINFO) != 0) pyros.sa_sigaction(number, info, context);
}

void after_handing_on() {
  under_test t;
  burn(100);
  ::sigaction(SIGPROF, nullptr, &pyros);
  install(&handing_on);
  burn_and_send();
  CHECK(t.profiler.flush(std::chrono::seconds(10)));
  CHECK_EQUAL(theirs.load(), 1000);
  CHECK_EQUAL(t.messages.count("another SIGPROF handler", pyro::log_level::error), 1);
  CHECK_EQUAL(t.profiler.stats().engine, std::string("none"));
  const std::uint64_t then = t.profiler.stats().samples_produced;
  burn(200);
  CHECK(t.profiler.flush(std::chrono::seconds(10)));
  CHECK_EQUAL(t.profiler.stats().samples_produced, then);
  t.profiler.stop();
  under_test again;  // it may not take the signal back: two that hand on to each other would never end
  CHECK_EQUAL(again.profiler.stats().engine, std::string("none"));
  send(10);
  CHECK_EQUAL(theirs.load(), 1010);
}

/// Whoever comes later gets none of pyro's signals any more, not only when a window ends.
void after_at_once() {
  under_test t;
  burn(100);
  install(&plain);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  const long then = theirs;
  burn(500);
  CHECK_EQUAL(theirs.load(), then);
  CHECK_EQUAL(t.messages.count("another SIGPROF handler", pyro::log_level::error), 1);
  send(10);
  CHECK_EQUAL(theirs.load(), then + 10);
  CHECK(t.profiler.flush(std::chrono::seconds(10)));
  CHECK_EQUAL(t.profiler.stats().lost.handler_replaced, 1U);
  CHECK_EQUAL(t.messages.count("another SIGPROF handler", pyro::log_level::error), 1);
}

void after_put_back() {
  under_test t;
  const struct sigaction ours = install(&plain);
  ::sigaction(SIGPROF, &ours, nullptr);  // before anybody has looked
  t.check_cpu(burn(500));
  CHECK_EQUAL(t.profiler.stats().engine, std::string("thread_timers"));

  install(&plain);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(t.profiler.flush(std::chrono::seconds(10)));
  CHECK_EQUAL(t.profiler.stats().engine, std::string("none"));
  ::sigaction(SIGPROF, &ours, nullptr);
  t.profiler.stop();
  under_test again;
  again.check_cpu(burn(500));
  CHECK_EQUAL(again.profiler.stats().engine, std::string("thread_timers"));
}

struct scenario {
  const char* name;
  void (*run)();
};
const scenario scenarios[] = {
    {"before_with_info", &before_with_info}, {"before_plain", &before_plain},       {"before_once", &before_once},
    {"before_with_mask", &before_with_mask}, {"before_ignored", &before_ignored},   {"before_nobody", &before_nobody},
    {"before_interval_timer", &before_interval_timer}, {"after_handing_on", &after_handing_on}, {"after_at_once", &after_at_once},
    {"before_timer", &before_timer}, {"before_lookalike", &before_lookalike}, {"after_put_back", &after_put_back},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    pyro_test::end_after(60);
    pyro_test::context = argv[1];
    for (const scenario& s : scenarios)
      if (std::strcmp(s.name, argv[1]) == 0) return s.run(), pyro_test::result();
    return std::fprintf(stderr, "other_profilers: no scenario %s\n", argv[1]), 2;
  }
  for (const scenario& s : scenarios) {
    const pyro_test::outcome o = pyro_test::run_self({s.name});
    if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s: %s\n", s.name, o.text().c_str());
  }
  return pyro_test::result();
}
