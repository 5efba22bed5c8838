// Programs that the tests about the life of a process look at; their settings come from the environment.
#include "fixture.hpp"

#include <cstdio>

using namespace pyro_test;

int run_scenario(const char* name);

// What a forked child leaves to its parent for good is lost memory to the leak sanitizer.
static int leaks_are_looked_for = 1;
extern "C" int __lsan_is_turned_off();
extern "C" int __lsan_is_turned_off() { return leaks_are_looked_for == 0; }

namespace {

void burn(int ms) { spend_cpu(PYRO_TEST_TSAN || PYRO_TEST_ASAN ? ms * 4 : ms); }  // they hold signals back

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// Sockets, and what waits for them.
std::string open_descriptors() {
  std::string out;
  DIR* const d = ::opendir("/proc/self/fd");
  while (const dirent* e = ::readdir(d)) {
    const int fd = std::atoi(e->d_name);
    if (e->d_name[0] == '.' || fd < 3) continue;
    char target[256];
    const ssize_t n = ::readlinkat(::dirfd(d), e->d_name, target, sizeof target);
    const std::string what(target, n > 0 ? static_cast<std::size_t>(n) : 0);
    if (what.find("socket:") == 0 || what.find("anon_inode:") == 0) out += " " + what;
  }
  ::closedir(d);
  return out.empty() ? "no descriptors" : "descriptors" + out;
}

void wait_for_usr1() {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  int number = 0;
  ::sigwait(&one, &number);
}

/// A window under way at the server, until it answers.
class flush_under_way {
 public:
  explicit flush_under_way(pyro::profiler& p) : thread_([&p] { p.flush(milliseconds(10000)); }) {}
  ~flush_under_way() { thread_.join(); }
  flush_under_way(const flush_under_way&) = delete;
  flush_under_way& operator=(const flush_under_way&) = delete;

 private:
  std::thread thread_;
};

}  // namespace

int run_scenario(const char* name) {
  const std::string scenario = name;
  if (scenario == "list") {
    say(open_descriptors());
    return 0;
  }
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &one, nullptr);
  pyro::config c;
  c.sample_rate = 1000;
  c.upload_jitter = milliseconds(0);
  static pyro::profiler p;
  p = pyro::configure(c);
  if (!p) return 1;
  {
    PYRO_SCOPE("parent_work");
    burn(30);
  }
  if (scenario == "exit") {
    say("ending");
    std::exit(0);
  }
  if (scenario == "exit_under_way") {
    p.flush(milliseconds(300));
    PYRO_SCOPE("late_work");
    burn(30);
    say("ending");
    std::exit(0);
  }
  if (scenario == "exit_in_flush") {
    std::thread([] { p.flush(milliseconds(30000)); }).detach();
    ::usleep(400000);  // some attempts
    say("ending");
    std::exit(0);
  }
  if (scenario == "destructor") {
    say("ending");
    p = pyro::profiler();
    return 0;
  }
  if (scenario == "exit_late") {  // long after the first push
    leaks_are_looked_for = 0;     // OpenSSL cleans up after the leak sanitizer has looked
    if (!wait_until([] { return p.stats().samples_exported > 0; })) return 3;
    PYRO_SCOPE("late_work");
    burn(50);
    say("ending");
    std::exit(0);
  }
  if (scenario == "descriptors") {
    const std::string before = open_descriptors();
    for (int i = 0; i < 4; ++i) {
      PYRO_SCOPE("parent_work");
      burn(20);
      p.flush(milliseconds(300));
      if (!wait_until([&] { return open_descriptors() == before; })) say("left open: " + open_descriptors());
    }
    say(before);
    return 0;
  }
  if (scenario == "exec") {
    const flush_under_way flush(p);
    wait_for_usr1();
    const std::string self = this_program();
    ::execl(self.c_str(), self.c_str(), "scenario", "list", static_cast<char*>(nullptr));
    return 4;
  }
  if (scenario == "fork") {
    int status = -1;
    {
      const flush_under_way flush(p);
      wait_for_usr1();
      const auto begin = steady::now();
      const pid_t child = ::fork();
      if (child == 0) {
        leaks_are_looked_for = 0;
        {
          PYRO_SCOPE("child_work");
          burn(30);
        }
        std::exit(0);
      }
      ::waitpid(child, &status, 0);
      say("child " + std::to_string(since(begin).count()));
    }
    const pyro::stats s = p.stats();
    say("exported " + std::to_string(s.samples_exported));
    say("lost " + std::to_string(s.samples_queued + s.samples_dropped + s.samples_uncertain));
    return status == 0 ? 0 : 5;
  }
  return 2;
}
