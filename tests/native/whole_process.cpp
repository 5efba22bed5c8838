// A whole process with no annotation: threads older than the profiler and younger, detached, with stacks of their own, of the standard library,
// and main. This program runs itself again for each scenario; what a thread used by its own clock is beside what the profile shows under
// its own stack. A thread is found within 100 ms; what it used after its first 150 ms has to be there.
#include <thread>

#include <atomic>

namespace scenario {
extern std::atomic<int> finished;
void older();
// Constructed before the profiler, which the next header starts.
static const bool has_older = [] {
  std::thread(&older).detach();
  return true;
}();
}  // namespace scenario

#include <pyro/auto.hpp>

#include "../integration/check.hpp"
#include "../integration/process.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <map>
#include <pthread.h>
#include <sstream>
#include <string>
#include <sys/mman.h>
#include <time.h>
#include <vector>

#define NOINLINE __attribute__((noinline))

namespace scenario {

std::atomic<int> finished{0};
std::atomic<bool> go{false};
std::atomic<bool> wanted{false};  ///< the older thread's work

long long now(clockid_t clock) noexcept {
  timespec t;
  ::clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/// "used NAME all late": all CPU time, and that after the thread's first 150 ms.
void say(const char* name, long long all, long long late) {
  char line[128];
  const int n = std::snprintf(line, sizeof line, "used %s %lld %lld\n", name, all, late);
  if (::write(1, line, static_cast<std::size_t>(n)) != n) std::abort();
}

/// Uses so much CPU time in the frame of the caller.
__attribute__((always_inline)) inline void use(const char* name, long long ms) {
  const long long begin = now(CLOCK_THREAD_CPUTIME_ID), wall = now(CLOCK_MONOTONIC);
  long long at_150 = -1;
  long long used = 0;
  while ((used = now(CLOCK_THREAD_CPUTIME_ID) - begin) < ms * 1000000) {
    if (at_150 < 0 && now(CLOCK_MONOTONIC) - wall > 150000000) at_150 = used;
    for (int i = 0; i < 100000; ++i) __asm__ volatile("");
  }
  say(name, used, used - (at_150 < 0 ? used : at_150));
}

NOINLINE void older() {
  while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (wanted) use("older", 600);
  ++finished;
}
/// Further down than is copied of a stack that nobody knows: complete once its bounds are found.
NOINLINE void younger() {
  volatile char room[60000];
  room[0] = 1;
  use("younger", 600);
  room[1] = room[0];
}
NOINLINE void detached() {
  use("detached", 600);
  ++finished;
}
NOINLINE void* own_stack(void*) {
  volatile char room[60000];
  room[0] = 1;
  use("own_stack", 600);
  room[1] = room[0];
  return nullptr;
}
NOINLINE int in_async() {
  use("in_async", 600);
  return 1;
}
NOINLINE void in_main() { use("in_main", 600); }
NOINLINE void late_scope() {
  use("before_scope", 400);
  PYRO_SCOPE("late");
  use("in_late", 300);
}
NOINLINE void steady() { use("steady", 1500); }
NOINLINE void short_lived() {
  const long long begin = now(CLOCK_THREAD_CPUTIME_ID);
  while (now(CLOCK_THREAD_CPUTIME_ID) - begin < 500000) {
  }
}

int threads() {
  wanted = true;
  go = true;
  std::thread a(&younger);
  std::thread(&detached).detach();
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  void* stack = ::mmap(nullptr, 256 * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::pthread_attr_setstack(&attributes, stack, 256 * 1024);
  pthread_t b;
  ::pthread_create(&b, &attributes, &own_stack, nullptr);
  auto c = std::async(std::launch::async, &in_async);
  in_main();
  a.join();
  ::pthread_join(b, nullptr);
  c.get();
  while (finished != 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return 0;
}
int late() {
  go = true;
  std::thread a(&late_scope);
  a.join();
  return 0;
}
int churn() {
  go = true;
  std::thread a(&steady);
  for (int i = 0; i < 1000; ++i) std::thread(&short_lived).join();
  a.join();
  return 0;
}

}  // namespace scenario

namespace {

using stacks = std::map<std::string, long long>;

stacks read_folded(const std::string& path) {
  stacks out;
  std::istringstream in(pyro_test::read_whole(path));
  for (std::string line; std::getline(in, line);) {
    const std::size_t at = line.rfind(' ');
    if (at != std::string::npos) out[line.substr(0, at)] += std::atoll(line.c_str() + at + 1);
  }
  return out;
}

void check_scenario(const std::string& name, bool exact_root) {
  pyro_test::context = name;
  const pyro_test::temporary_directory directory;
  const std::string file = directory / "out.folded";
  const auto ended = pyro_test::run_self({name}, {{"PYRO", "folded:" + file + ",pprof:" + (directory / "out.pb.gz")}, {"PYRO_SAMPLE_RATE", "1000"}});
  if (!CHECK(ended.exited(0))) std::fprintf(stderr, "%s\n", ended.text().c_str());
  CHECK_EQUAL(ended.err, "");
  const stacks all = read_folded(file);
  long long total = 0, no_scope = 0, truncated = 0;
  for (const auto& s : all) {
    total += s.second;
    if (s.first.find("[no scope]") != std::string::npos) no_scope += s.second;
    if (s.first.find("[truncated]") != std::string::npos) truncated += s.second;
    CHECK(s.first.find("pyro::") == std::string::npos);
  }
  long long used = 0;
  std::istringstream lines(ended.out);
  for (std::string word, thread; lines >> word >> thread;) {
    long long cpu = 0, late = 0;
    lines >> cpu >> late;
    used += cpu;
    const std::string function = thread == "before_scope" || thread == "in_late" ? "late_scope" : thread;
    long long seen = 0, elsewhere = 0;
    for (const auto& s : all) {
      const bool in_late = s.first.find("late_scope;late") != std::string::npos || s.first.find("late_scope();late") != std::string::npos;
      if (s.first.find("scenario::" + function) == std::string::npos) continue;
      if ((thread == "before_scope" && in_late) || (thread == "in_late" && !in_late)) continue;
      seen += s.second;
      // From the first function on: threads begin in clone, main in _start.
      const bool rooted = exact_root ? s.first.compare(0, 6, thread == "in_main" ? "_start" : "clone") == 0 || s.first.find("start_thread") != std::string::npos ||
                                           s.first.compare(0, 4, "libc") == 0 || s.first.compare(0, 8, "__clone3") == 0
                                     : true;
      if (!rooted) elsewhere += s.second;
    }
    if (thread == "in_late") late = cpu;  // it was found before
    std::fprintf(stderr, "%-8s %-12s used %4lld ms, %4lld of it after 150 ms, seen %4lld\n", name.c_str(), thread.c_str(), cpu / 1000000, late / 1000000,
                 seen / 1000000);
    CHECK(seen * 100 >= late * 95);
    CHECK(seen <= cpu * 103 / 100 + 10000000);
    const bool deep = thread == "younger" || thread == "own_stack";
    CHECK(elsewhere * (deep ? 2 : 200) <= seen);
  }
  CHECK(used > 0);
  std::fprintf(stderr, "%-8s in all %lld ms seen, %lld without a stack, %lld truncated\n", name.c_str(), total / 1000000, no_scope / 1000000, truncated / 1000000);
  CHECK(truncated * (name == "threads" ? 5 : 200) <= total);
  for (const auto& s : all)
    if (s.first.find("[no scope]") != std::string::npos || s.first.find("[truncated]") != std::string::npos)
      std::fprintf(stderr, "  %lld %s\n", s.second, s.first.c_str());
  pyro_test::context.clear();
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) {
    const std::string name = arguments[1];
    return name == "threads" ? scenario::threads() : name == "late" ? scenario::late() : scenario::churn();
  }
  scenario::go = true;
  check_scenario("threads", true);
  check_scenario("late", true);
  check_scenario("churn", true);
  return pyro_test::result();
}
