// Programs that the tests about the life of a process, and go_tool_pprof.sh, look at; their settings come from the environment.
#include "fixture.hpp"

#include <cstdio>

using namespace pyro_test;

int run_scenario(const char* name);

// What a forked child leaves to its parent for good is lost memory to the leak sanitizer.
static int leaks_are_looked_for = 1;
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return leaks_are_looked_for == 0; }

namespace {

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

void wait_for_usr1() {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  int number = 0;
  ::sigwait(&one, &number);
}

/// SigBlk of the server's thread, as /proc has it.
std::string blocked_signals() {
  std::string out = "no thread";
  DIR* const d = ::opendir("/proc/self/task");
  while (const dirent* e = ::readdir(d)) {
    const std::string status = read_whole("/proc/self/task/" + std::string(e->d_name) + "/status");
    if (status.find("Name:\tpyro-serve\n") == std::string::npos) continue;
    out = status.substr(status.find("SigBlk:"), 24);
  }
  ::closedir(d);
  return out;
}

/// Whether each thread but this one waits for something, as /proc has it.
bool other_threads_sleep() {
  bool out = true;
  DIR* const d = ::opendir("/proc/self/task");
  while (const dirent* e = ::readdir(d)) {
    if (e->d_name[0] == '.' || std::atoi(e->d_name) == ::getpid()) continue;
    const std::string status = read_whole("/proc/self/task/" + std::string(e->d_name) + "/status");
    out = out && status.find("Name:\tpyro-") == 0 && status.find("State:\tS") != std::string::npos;
  }
  ::closedir(d);
  return out;
}

}  // namespace

int run_scenario(const char* name) {
  const std::string scenario = name;
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
  pyro::config c;
  c.application_name = "served";
  c.log_level = pyro::log_level::info;
  c.log = [](pyro::log_level, const std::string& text) { say(text); };
  static pyro::profiler p;
  p = pyro::configure(c);
  if (!p) return 1;
  if (scenario == "exit") {
    wait_for_usr1();
    say("ending");
    std::exit(0);
  }
  if (scenario == "return") {
    wait_for_usr1();
    say("ending");
    p = pyro::profiler();
    return 0;
  }
  if (scenario == "signals") {
    wait_until([] { return blocked_signals() != "no thread"; });
    say(blocked_signals());
    return 0;
  }
  if (scenario == "fork") {  // the child outlives its parent, and says what it has of it
    // The address sanitizer of clang++ 16 doesn't hold its allocator's locks over fork(): not while another thread may be in it.
    if (PYRO_TEST_ASAN) wait_until(other_threads_sleep);
    const pid_t child = ::fork();
    if (child == 0) {
      leaks_are_looked_for = 0;
      {
        PYRO_SCOPE("child_work");
        spend_cpu(30);
      }
      say("child has " + std::to_string(open_sockets()) + " sockets");
      wait_for_usr1();
      std::exit(0);
    }
    say("child is " + std::to_string(child));
    wait_for_usr1();
    say("ending");
    std::exit(0);
  }
  if (scenario == "spend") {  // for go_tool_pprof.sh: at each SIGUSR1 spends as much CPU time as it is told, and says what its clock says, and when
    const char* const wanted = std::getenv("SPEND_MS");
    for (;;) {
      wait_for_usr1();
      const std::int64_t from = pyro::platform::wall_ns(), before = pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
      work_a(wanted != nullptr ? std::atoi(wanted) : 500);
      const std::int64_t spent = pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) - before;
      say("spent " + std::to_string(spent / 1000000) + " " + std::to_string(from) + " " + std::to_string(pyro::platform::wall_ns()));
    }
  }
  return 2;
}
