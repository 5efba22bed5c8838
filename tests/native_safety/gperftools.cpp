// gperftools' CPU profiler in the same process: started before pyro both are right; where it takes the signal later, pyro stops and says so. Each scenario
// is a process. 77 where the library is not there (Debian: libgoogle-perftools4).
//
//   gperftools [SCENARIO]
#include <pyro/profiler.hpp>

#include "../integration/check.hpp"
#include "../integration/process.hpp"
#include "../integration/rows.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr const char* library = "libprofiler.so.0";

struct profiler_state {  // gperftools/profiler.h
  int enabled;
  std::time_t start_time;
  char profile_name[1024];
  int samples_gathered;
};

class gperftools {
 public:
  gperftools() : handle_(::dlopen(library, RTLD_NOW)) { CHECK(handle_ != nullptr); }
  void start(const std::string& file) const { called<int(const char*)>("ProfilerStart")(file.c_str()); }
  void stop() const { called<void()>("ProfilerStop")(); }
  profiler_state state() const {
    profiler_state s{};
    called<void(profiler_state*)>("ProfilerGetCurrentState")(&s);
    return s;
  }

 private:
  template <class F>
  F* called(const char* name) const {
    return reinterpret_cast<F*>(::dlsym(handle_, name));
  }
  void* handle_;
};

std::int64_t cpu_now() { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); }

std::int64_t burn() {
  PYRO_SCOPE("burn");
  const std::int64_t begin = cpu_now();
  while (cpu_now() - begin < 500000000) {
  }
  return cpu_now() - begin;
}
std::int64_t burn_in_two_threads() {
  std::int64_t other = 0;
  std::thread second([&other] { other = burn(); });
  const std::int64_t own = burn();
  second.join();
  return own + other;
}

struct under_test {
  under_test() {
    pyro::config c;
    c.window = std::chrono::hours(1);
    c.sample_rate = 250;
    c.exporters = {memory};
    c.log = messages.callback();
    profiler = pyro::configure(c);
    CHECK(profiler);
  }
  std::int64_t seen() {
    CHECK(profiler.flush(std::chrono::seconds(10)));
    std::int64_t sum = 0;
    for (const auto& row : memory->rows())
      if (row.first.find("burn") != std::string::npos) sum += row.second.cpu_ns;
    return sum;
  }
  bool stopped() const { return profiler.stats().engine == "none" && messages.count("another SIGPROF handler", pyro::log_level::error) == 1; }
  std::shared_ptr<pyro_test::memory_exporter> memory = std::make_shared<pyro_test::memory_exporter>();
  pyro_test::message_list messages;
  pyro::profiler profiler;
};

/// 100 a second is gperftools' rate; kernels merge some, and signals that came while another was handled.
bool is_right(int samples, std::int64_t used) {
  const auto expected = static_cast<double>(used) / 1e7;
  std::printf("gperftools has %d samples of %.0f\n", samples, expected);
  return samples > expected / 2 && samples < expected * 1.1 + 3;
}
bool is_right(std::int64_t seen, std::int64_t used) {
  std::printf("pyro has %.3f s of %.3f s\n", static_cast<double>(seen) / 1e9, static_cast<double>(used) / 1e9);
  return std::abs(static_cast<double>(seen - used)) <= 0.05 * static_cast<double>(used) + 0.03e9;
}

void started_before() {
  const pyro_test::temporary_directory here;
  const gperftools other;
  other.start(here / "cpu.prof");
  under_test t;
  const std::int64_t used = burn_in_two_threads();
  const int theirs = other.state().samples_gathered;
  CHECK(is_right(t.seen(), used));
  CHECK(is_right(theirs, used));
  CHECK_EQUAL(t.profiler.stats().engine, std::string("thread_timers"));
  other.stop();
  const std::int64_t before = t.seen(), more = burn_in_two_threads();  // pyro goes on
  CHECK(is_right(t.seen() - before, more));
  CHECK(!pyro_test::read_whole(here / "cpu.prof").empty());
}

/// Whichever of them has the signal: nobody counts the other's.
void started_after(bool loaded_before) {
  const pyro_test::temporary_directory here;
  std::unique_ptr<const gperftools> other;
  if (loaded_before) other = std::make_unique<const gperftools>();
  under_test t;
  const std::int64_t first = burn();
  if (!loaded_before) other = std::make_unique<const gperftools>();
  other->start(here / "cpu.prof");
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const int before = other->state().samples_gathered;
  const std::int64_t second = burn_in_two_threads();
  const int theirs = other->state().samples_gathered - before;
  const std::int64_t seen = t.seen();
  other->stop();
  if (t.stopped()) {
    CHECK(is_right(seen, first));
    CHECK(is_right(theirs, second));
  } else {
    CHECK(is_right(seen, first + second));
    CHECK(theirs == 0 || is_right(theirs, second));  // it does without where somebody else has the signal
  }
}
void loaded_before_started_after() { started_after(true); }
void loaded_after() { started_after(false); }

/// As it is used most: CPUPROFILE=file, and the library preloaded.
void preloaded() {
  under_test t;
  const std::int64_t used = burn_in_two_threads();
  CHECK(is_right(t.seen(), used));
  CHECK_EQUAL(t.profiler.stats().engine, std::string("thread_timers"));
  CHECK(is_right(gperftools().state().samples_gathered, used));
}

struct scenario {
  const char* name;
  void (*run)();
};
const scenario scenarios[] = {
    {"started_before", &started_before},
    {"loaded_before_started_after", &loaded_before_started_after},
    {"loaded_after", &loaded_after},
    {"preloaded", &preloaded},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    pyro_test::end_after(60);
    pyro_test::context = argv[1];
    for (const scenario& s : scenarios)
      if (std::strcmp(s.name, argv[1]) == 0) return s.run(), pyro_test::result();
    return std::fprintf(stderr, "gperftools: no scenario %s\n", argv[1]), 2;
  }
  if (::dlopen(library, RTLD_NOW) == nullptr) return std::printf("skipped: there is no %s (Debian: libgoogle-perftools4)\n", library), 77;
  const pyro_test::temporary_directory here;
  for (const scenario& s : scenarios) {
    pyro_test::process::variables variables;
    if (s.run == &preloaded) variables = {{"LD_PRELOAD", library}, {"CPUPROFILE", here / "cpu.prof"}};
    const pyro_test::outcome o = pyro_test::run_self({s.name}, variables);
    std::printf("%s: %s", s.name, o.out.c_str());
    if (!CHECK(o.exited(0))) std::fprintf(stderr, "%s: %s\n", s.name, o.text().c_str());
  }
  return pyro_test::result();
}
