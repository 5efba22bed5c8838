// pyro::doctor finds what is taken away, and does not find what is there: each capability is really taken away, from a program that is run as a user
// would run it, or from this one.
//
//   doctor PROGRAM STRIPPED [STATIC]      the test
//   doctor -- SCENARIO [COMMAND...]       takes something away, then runs the command, or checks here
#include <pyro/profiler.hpp>

#include "check.hpp"
#include "process.hpp"
#include "refuse.hpp"

#include <chrono>
#include <cstring>
#include <sched.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <thread>
#include <vector>

namespace {

using pyro::finding_state;
using variables = pyro_test::process::variables;

const char* const areas[] = {"profiler", "settings", "CPU timers", "pending signals", "SIGPROF", "other profilers", "signal masks", "perf_event", "program's names",
                             "libraries' names", "native stacks", "own memory", "/proc", "clock", "CPUs", "CPU quota", "memory limit", "seccomp"};

/// "ok", "degraded", "MISSING" of an area on the screen; empty where it has none.
std::string state_on(const std::string& screen, const std::string& area) {
  for (std::size_t at = 0; at < screen.size(); at = screen.find('\n', at) + 1) {
    const std::string line = screen.substr(at, screen.find('\n', at) - at);
    if (line.size() > 10 && line.compare(10, area.size() + 1, area + " ") == 0 && line[0] != ' ') return line.substr(0, line.find(' '));
    if (screen.find('\n', at) == std::string::npos) break;
  }
  return {};
}

/// Wherever the lines of a screen are broken.
bool has(const std::string& text, const std::string& part) {
  std::string joined;
  for (const char c : text) {
    const char blank = c == '\n' ? ' ' : c;
    if (blank != ' ' || joined.empty() || joined.back() != ' ') joined += blank;
  }
  return joined.find(part) != std::string::npos;
}

std::vector<std::string> programs;

/// The screen of a program from which a scenario has taken something; the program itself must not notice.
std::string screen_of(const std::string& scenario, variables extra = {}, std::size_t program = 0) {
  pyro_test::context = scenario + ", " + programs[program];
  bool has_outputs = false;
  for (const auto& v : extra) has_outputs = has_outputs || v.first == "PYRO";
  if (!has_outputs) extra.emplace_back("PYRO", "doctor");
  const pyro_test::outcome o = pyro_test::run_self({"--", scenario, programs[program]}, extra);
  if (!CHECK(o.exited(0)) || !CHECK_EQUAL(o.out, std::string("done\n"))) std::fprintf(stderr, "%s\n", o.text().c_str());
  return o.err;
}

// ---- what is taken away from a program -----------------------------------------------------------------------------------------------

void nothing() {}
void one_cpu() {
  cpu_set_t set;
  ::sched_getaffinity(0, sizeof set, &set);
  int first = 0;
  while (!CPU_ISSET(first, &set)) ++first;
  CPU_ZERO(&set);
  CPU_SET(first, &set);
  CHECK(::sched_setaffinity(0, sizeof set, &set) == 0);
}
void observer_on_one_cpu() {
  one_cpu();
  ::setenv("PYRO_ENGINE", "observer", 1);
}
void observer() { ::setenv("PYRO_ENGINE", "observer", 1); }
void one_signal() {
  const rlimit one{1, 1};  // the main thread's timer takes it, or what another process of this user has
  CHECK(::setrlimit(RLIMIT_SIGPENDING, &one) == 0);
}
void no_timer() { CHECK(pyro_test::refuse(SYS_timer_create, EPERM)); }
void no_perf_event() { CHECK(pyro_test::refuse(SYS_perf_event_open, EPERM)); }
void no_perf_event_at_all() { CHECK(pyro_test::refuse(SYS_perf_event_open, ENOSYS)); }
void no_readv() { CHECK(pyro_test::refuse(SYS_process_vm_readv, EPERM)); }
void no_thread() { CHECK(pyro_test::refuse(SYS_clone3, EAGAIN) && pyro_test::refuse(SYS_clone, EAGAIN)); }
void blocked_signal() {  // an exec keeps the mask
  sigset_t prof;
  ::sigemptyset(&prof);
  ::sigaddset(&prof, SIGPROF);
  ::sigprocmask(SIG_BLOCK, &prof, nullptr);
}
void interval_timer() {  // and this timer
  const itimerval often{{0, 100000}, {0, 100000}};
  ::signal(SIGPROF, SIG_IGN);
  ::setitimer(ITIMER_PROF, &often, nullptr);
}

// ---- what is taken away from this process, and given back ---------------------------------------------------------------------------------

finding_state state_of(const char* area) {
  const pyro::diagnosis d = pyro::diagnose();
  const pyro::finding* f = d.find(area);
  if (!CHECK(f != nullptr)) return finding_state::missing;
  return f->state;
}
#define CHECK_STATE(area, expected) CHECK(state_of(area) == finding_state::expected)

void theirs(int) {}

pyro::config quiet() {
  pyro::config c;
  c.outputs = "null";
  c.window = std::chrono::hours(1);
  c.log = [](pyro::log_level, const std::string&) {};
  return c;
}

void handlers() {
  struct sigaction foreign {}, ours {};
  foreign.sa_handler = &theirs;
  ::sigaction(SIGPROF, &foreign, nullptr);
  CHECK_STATE("SIGPROF", ok);
  CHECK_STATE("profiler", missing);
  auto p = pyro::configure(quiet());
  CHECK_STATE("SIGPROF", ok);
  CHECK_STATE("profiler", ok);
  CHECK(has(pyro::diagnose().find("SIGPROF")->meaning, "go on to the one before"));
  ::sigaction(SIGPROF, &foreign, &ours);
  CHECK_STATE("SIGPROF", missing);
  ::sigaction(SIGPROF, &ours, nullptr);
  CHECK_STATE("SIGPROF", ok);
  ::signal(SIGPROF, SIG_IGN);
  CHECK_STATE("SIGPROF", missing);
  p.flush();
  CHECK_STATE("profiler", missing);
  CHECK(has(pyro::diagnose().find("profiler")->meaning, "another handler"));
}

void masks() {
  auto p = pyro::configure(quiet());
  CHECK_STATE("signal masks", ok);
  std::atomic<int> stage{0};
  std::thread other([&] {
    blocked_signal();
    stage = 1;
    while (stage != 2) std::this_thread::yield();
  });
  while (stage != 1) std::this_thread::yield();
  CHECK_STATE("signal masks", degraded);
  stage = 2;
  other.join();
  CHECK_STATE("signal masks", ok);
}

void interval_timers() {
  auto p = pyro::configure(quiet());
  CHECK_STATE("other profilers", ok);
  const itimerval often{{10, 0}, {10, 0}}, never{};
  ::setitimer(ITIMER_PROF, &often, nullptr);
  CHECK_STATE("other profilers", degraded);
  ::setitimer(ITIMER_PROF, &never, nullptr);
  CHECK_STATE("other profilers", ok);
}

void from_now_on() {
  auto p = pyro::configure(quiet());
  CHECK_STATE("CPU timers", ok);
  CHECK_STATE("own memory", ok);
  CHECK(has(pyro::diagnose().find("seccomp")->meaning, "no filter") || pyro::diagnose().find("seccomp")->meaning == "not known");
  no_timer();
  no_readv();
  CHECK_STATE("CPU timers", missing);
  CHECK_STATE("own memory", degraded);
  CHECK(has(pyro::diagnose().find("seccomp")->meaning, "a filter is in force"));
}

void life() {
  CHECK_STATE("profiler", missing);
  CHECK(has(pyro::doctor(), "it was not started here"));
  auto p = pyro::configure(quiet());
  CHECK_STATE("profiler", ok);
  p.pause();
  CHECK_STATE("profiler", degraded);
  p.resume();
  auto second = pyro::configure(quiet());
  CHECK(!second);
  CHECK_STATE("profiler", ok);  // of the first
  p.stop();
  CHECK_STATE("profiler", missing);
}

/// From several threads while threads come and go, and the profiler.
void at_once() {
  std::atomic<bool> stop{false};
  std::atomic<int> screens{0}, empty{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        if (pyro::doctor().empty()) ++empty;
        ++screens;
      }
    });
  for (int i = 0; i < 20; ++i) {
    auto p = pyro::configure(quiet());
    std::thread([] { PYRO_SCOPE("short"); }).join();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  stop = true;
  for (std::thread& t : threads) t.join();
  CHECK(screens > 10);
  CHECK_EQUAL(empty.load(), 0);
}

#if defined(__x86_64__)
/// Code made at run time, which has no tables and uses rbp for something else: push rbp; xor ebp, ebp; 1: dec rdi; jnz 1b; pop rbp; ret
void truncated_stacks() {
  constexpr unsigned char code[] = {0x55, 0x31, 0xed, 0x48, 0xff, 0xcf, 0x75, 0xfb, 0x5d, 0xc3};
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(page != MAP_FAILED);
  std::memcpy(page, code, sizeof code);
  const auto spin = reinterpret_cast<void (*)(long)>(page);
  const auto cpu = [] { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); };
  auto p = pyro::configure(quiet());
  for (const std::int64_t begin = cpu(); cpu() - begin < 200000000;) {
  }
  CHECK(p.flush());
  CHECK_STATE("native stacks", ok);
  CHECK(has(pyro::diagnose().find("native stacks")->meaning, "% of"));
  for (const std::int64_t begin = cpu(); cpu() - begin < 300000000;) spin(1000000);
  CHECK(p.flush());
  CHECK_STATE("native stacks", degraded);
  CHECK(has(pyro::diagnose().find("native stacks")->meaning, "code without unwind tables"));
}
#endif

void no_proc() {
  const pyro_test::temporary_directory empty;
  CHECK_STATE("/proc", ok);
  CHECK_STATE("program's names", ok);
  if (::chroot(empty.path().c_str()) != 0) return void(std::printf("no_proc: skipped, it takes the right to chroot\n"));
  CHECK_STATE("/proc", missing);
  CHECK_STATE("program's names", missing);
  auto p = pyro::configure(quiet());
  CHECK_STATE("/proc", missing);
  CHECK_STATE("CPU timers", ok);
}

struct scenario {
  const char* name;
  void (*take)();
  bool here;  ///< it is a test by itself
};
const scenario scenarios[] = {
    {"nothing", &nothing, false},
    {"one_cpu", &one_cpu, false},
    {"observer_on_one_cpu", &observer_on_one_cpu, false},
    {"observer", &observer, false},
    {"one_signal", &one_signal, false},
    {"no_timer", &no_timer, false},
    {"no_perf_event", &no_perf_event, false},
    {"no_perf_event_at_all", &no_perf_event_at_all, false},
    {"no_readv", &no_readv, false},
    {"no_thread", &no_thread, false},
    {"blocked_signal", &blocked_signal, false},
    {"interval_timer", &interval_timer, false},
    {"handlers", &handlers, true},
    {"masks", &masks, true},
    {"interval_timers", &interval_timers, true},
    {"from_now_on", &from_now_on, true},
    {"life", &life, true},
    {"at_once", &at_once, true},
#if defined(__x86_64__)
    {"truncated_stacks", &truncated_stacks, true},
#endif
    {"no_proc", &no_proc, true},
};

int run(const scenario& s, char** command) {
  s.take();
  if (!s.here && *command != nullptr) ::execv(command[0], command);
  return pyro_test::result();
}

// ---- the test -----------------------------------------------------------------------------------------------------------------------------

void check_plain() {
  const std::string screen = screen_of("nothing");
  for (const char* area : areas)
    if (!CHECK(!state_on(screen, area).empty())) std::fprintf(stderr, "no %s on\n%s\n", area, screen.c_str());
  for (const char* area : {"profiler", "settings", "CPU timers", "pending signals", "SIGPROF", "other profilers", "signal masks", "program's names", "native stacks", "own memory", "/proc"})
    if (!CHECK_EQUAL(state_on(screen, area), std::string("ok"))) std::fprintf(stderr, "%s on\n%s\n", area, screen.c_str());
  std::size_t lines = 0;
  for (const char c : screen) lines += c == '\n';
  CHECK(lines <= 50);  // one screen
  CHECK(!has(screen, "\n\n"));
}

/// The finding is there without the capability; check_plain has seen that it is not there with it.
void check_taken() {
  CHECK_EQUAL(state_on(screen_of("one_cpu"), "CPUs"), std::string("degraded"));
  std::string screen = screen_of("observer_on_one_cpu");
  CHECK_EQUAL(state_on(screen, "profiler"), std::string("degraded"));
  CHECK(has(screen, "thread_timers takes its place") && has(screen, "engine=thread_timers"));
  screen = screen_of("observer");
  CHECK_EQUAL(state_on(screen, "profiler"), std::string("ok"));
  CHECK(has(screen, "observer, 100 samples") && has(screen, "not asked for (stacks, engine)"));
  screen = screen_of("one_signal");
  CHECK_EQUAL(state_on(screen, "pending signals"), std::string("degraded"));
  CHECK_EQUAL(state_on(screen, "CPU timers"), std::string("MISSING"));
  CHECK(has(screen, "ulimit -i"));
  screen = screen_of("no_timer");
  CHECK_EQUAL(state_on(screen, "CPU timers"), std::string("MISSING"));
  CHECK(has(screen, "Operation not permitted") && has(screen, "a filter is in force"));
  CHECK(has(screen_of("no_perf_event"), "refused (Operation not permitted"));
  CHECK(has(screen_of("no_perf_event_at_all"), "refused (Function not implemented"));
  CHECK_EQUAL(state_on(screen_of("no_readv"), "own memory"), std::string("degraded"));
  CHECK_EQUAL(state_on(screen_of("no_thread"), "CPU timers"), std::string("ok"));  // as far as it could be tried
  CHECK_EQUAL(state_on(screen_of("blocked_signal"), "signal masks"), std::string("degraded"));
  CHECK_EQUAL(state_on(screen_of("interval_timer"), "other profilers"), std::string("degraded"));
}

void check_stripped() {
  std::string screen = screen_of("nothing", {}, 1);
  CHECK_EQUAL(state_on(screen, "program's names"), std::string("degraded"));
  CHECK(has(screen, "is stripped") && has(screen, "but for those that it exports"));
  if (programs.size() < 3) return;
  screen = screen_of("nothing", {}, 2);
  CHECK_EQUAL(state_on(screen, "program's names"), std::string("MISSING"));
  CHECK(has(screen, "there are no libraries"));
}

void check_settings() {
  std::string screen = screen_of("nothing", {{"PYRO_SAMPEL_RATE", "1"}, {"PYRO_WINDOW", "1h30"}, {"PYROSCOPE_LABLES", "a=b"}, {"PYROSCOPE_PROFILING_ENABLED", "1"}});
  CHECK_EQUAL(state_on(screen, "settings"), std::string("degraded"));
  CHECK(has(screen, "PYRO_SAMPEL_RATE is no setting"));
  CHECK(has(screen, "PYRO_SAMPLE_RATE?"));
  CHECK(has(screen, "PYROSCOPE_LABELS?"));
  CHECK(has(screen, "'1h30'"));
  CHECK(!has(screen, "PYROSCOPE_PROFILING_ENABLED"));

  screen = screen_of("nothing", {{"PYRO_SERVER_ADDRESS", "http://me:SECRET1@127.0.0.1:1/x"}, {"PYRO_AUTH_TOKEN", "SECRET2"}, {"PYRO_SERVE_TOKEN", "SECRET3"},
                                 {"PYRO_HTTP_HEADERS", "X-Key=SECRET4"}, {"PYRO_BASIC_AUTH_PASSWORD", "SECRET5"}, {"PYRO_EXIT_TIMEOUT", "0"}, {"PYRO_LOG_LEVEL", "error"}});
  CHECK(has(screen, "http://127.0.0.1:1/x, with a token"));
  CHECK(!has(screen, "SECRET"));
  CHECK(has(screen, "uploader"));

  screen = screen_of("nothing", {{"PYRO", "doctor,report"}});
  CHECK(!state_on(screen, "CPU timers").empty());
  CHECK(has(screen, "of CPU") || has(screen, "CPU time"));
  CHECK(has(screen, "own cost"));
  screen = screen_of("nothing", {{"PYRO", "report"}});
  CHECK(state_on(screen, "CPU timers").empty());
  screen = screen_of("nothing", {{"PYRO", "off,doctor"}});
  CHECK_EQUAL(state_on(screen, "profiler"), std::string("MISSING"));
  CHECK(has(screen, "PYRO=off"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::strcmp(argv[1], "--") == 0) {
    pyro_test::end_after(60);
    pyro_test::context = argv[2];
    for (const scenario& s : scenarios)
      if (std::strcmp(s.name, argv[2]) == 0) return run(s, argv + 3);
    return std::fprintf(stderr, "doctor: no scenario %s\n", argv[2]), 2;
  }
  if (argc < 3) return std::fprintf(stderr, "usage: doctor PROGRAM STRIPPED [STATIC]\n"), 2;
  programs.assign(argv + 1, argv + argc);
  check_plain();
  check_taken();
  check_stripped();
  check_settings();
  for (const scenario& s : scenarios) {
    if (!s.here) continue;
    pyro_test::context = s.name;
    const pyro_test::outcome o = pyro_test::run_self({"--", s.name});
    if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s: %s\n", s.name, o.text().c_str());
  }
  return pyro_test::result();
}
