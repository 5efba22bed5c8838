// Shows that being sampled never hurts: exceptions, plugins that come and go, forks of every kind, threads by the thousand, longjmp,
// coroutines, signal handlers on stacks of their own and recursion to the end of a stack, all at once, with 4,000 signals a second and thread.
// No crash, no hang, results and errno as they should be, memory, timers and descriptors bounded, old unwind tables freed, and
// stacks complete all the same.
//
//   stress SECONDS PLUGIN...          PYRO_STRESS_HZ=4000
#include "flood.hpp"
#include "workloads.hpp"

#include "../integration/check.hpp"
#include "../integration/process.hpp"

#include <pyro/collect/runtime.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>

namespace {

// The registry, of which the test wants to see how many snapshots of unwind tables are waiting to be freed.
template <pyro::collect::registry pyro::collect::runtime::*Member>
struct opened {
  friend pyro::collect::registry& registry_of(pyro::collect::runtime& r) { return r.*Member; }
};
pyro::collect::registry& registry_of(pyro::collect::runtime&);
template struct opened<&pyro::collect::runtime::registry_>;

std::atomic<bool> over{false};
std::atomic<std::uint64_t> wrong{0};

/// What one thread does over and over; how often, and when last.
struct job {
  const char* name;
  bool (*round)();
  std::atomic<std::uint64_t> rounds{0};
};

std::vector<std::string> plugins;
bool plugin_round() {
  static thread_local std::size_t number = static_cast<std::size_t>(pyro::platform::thread_id());
  return workloads::use_plugin(plugins[++number % plugins.size()]);
}
[[maybe_unused]] bool stack_end_round() {
  bool good = false;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, std::size_t{96} << 10);
  pthread_t made;
  const int error = ::pthread_create(&made, &attributes, [](void* result) -> void* {
    PYRO_SCOPE("end of stack");
    const workloads::signal_stack aside(std::size_t{32} << 10);
    *static_cast<bool*>(result) = workloads::descend(workloads::end_of_stack(), 128) > 10;
    return nullptr;
  }, &good);
  ::pthread_attr_destroy(&attributes);
  if (error == 0) ::pthread_join(made, nullptr);
  return error == EAGAIN || good;
}
bool threads_round() { return workloads::short_thread() && workloads::detached_thread() && workloads::thread_on_mapped_stack(); }
[[maybe_unused]] bool fork_round() {
  return workloads::fork_and_scope([] {
    flood::forget();
    pyro_test::end_after(30);
  });
}
bool exec_round() { return workloads::fork_and_exec() && workloads::vfork_and_exec() && workloads::spawn(); }
bool signals_round() {
  static thread_local const workloads::signal_stack own(std::size_t{32} << 10);
  const int before = workloads::in_program_handler;
  return workloads::handle_signal() && own.set() && workloads::in_program_handler != before;
}
bool plain_round() { return workloads::allocate() && workloads::print() && workloads::sort_by_callback() && workloads::keep_errno(); }

job jobs[] = {
    {"throws", &workloads::throw_and_catch},
    {"throws too", &workloads::throw_and_catch},
    {"plugins", &plugin_round},
    {"plugins too", &plugin_round},
#if !PYRO_TEST_TSAN && !PYRO_TEST_ASAN  // whose own locks a child may find held for ever
    {"forks", &fork_round},
#endif
    {"execs", &exec_round},
    {"threads", &threads_round},
    {"ordinary work", &plain_round},
    {"signals", &signals_round},
    {"longjmp", &workloads::jump_out},
#if !PYRO_TEST_TSAN  // which knows no coroutines
    {"coroutines", &workloads::coroutine::round},
#endif
#if !PYRO_TEST_TSAN && !PYRO_TEST_ASAN  // whose frames are larger
    {"ends of stacks", &stack_end_round},
#endif
};

void* work(void* of) {
  auto& j = *static_cast<job*>(of);
  while (!over) {
    if (!j.round()) {
      if (++wrong < 10) std::fprintf(stderr, "wrong result: %s (errno %d)\n", j.name, errno);
    }
    ++j.rounds;
  }
  return nullptr;
}

std::size_t resident_bytes() {
  std::size_t pages = 0, skipped = 0;
  std::ifstream("/proc/self/statm") >> skipped >> pages;
  return pages * 4096;
}
int descriptors() {
  int n = 0;
  if (DIR* d = ::opendir("/proc/self/fd")) {
    while (::readdir(d) != nullptr) ++n;
    ::closedir(d);
  }
  return n;
}

/// Sleeps as long as it says: the flood interrupts.
void rest(int milliseconds) {
  timespec left{milliseconds / 1000, milliseconds % 1000 * 1000000L};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: stress SECONDS PLUGIN...\n"), 2;
  const int seconds = std::atoi(argv[1]);
  plugins.assign(argv + 2, argv + argc);
  const char* hz = std::getenv("PYRO_STRESS_HZ");
  flood::per_second = hz != nullptr ? std::atol(hz) : 4000;
  const int descriptors_before = descriptors();
  workloads::install_program_handler();
  pyro::config config;
  config.sample_rate = 1000;
  config.window = std::chrono::milliseconds(200);
  config.outputs = "null";
  config.log = [](pyro::log_level level, const std::string& text) {
    if (level == pyro::log_level::error) std::fprintf(stderr, "pyro: %s\n", text.c_str());
  };
  auto profiler = pyro::configure(config);
  CHECK(profiler);

  std::vector<pthread_t> threads;
  for (job& j : jobs) {
    pthread_t made;
    if (CHECK(::pthread_create(&made, nullptr, &work, &j) == 0)) threads.push_back(made);
  }
  const pyro::sampling::unwind_tables& tables = registry_of(pyro::collect::runtime::the()).stacks().tables();
  std::size_t first_resident = 0, most_resident = 0, most_retired = 0;
  std::uint64_t last[sizeof jobs / sizeof jobs[0]] = {};
  int stood_still[sizeof jobs / sizeof jobs[0]] = {};
  const int patience = PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 60 : 30;  // seconds without a round: it hangs
  for (int second = 0; second < seconds; ++second) {
    rest(1000);
    const std::size_t now = resident_bytes();
    if (second >= seconds / 3 && first_resident == 0) first_resident = now;
    most_resident = std::max(most_resident, now);
    most_retired = std::max(most_retired, tables.retired());
    for (std::size_t i = 0; i < sizeof jobs / sizeof jobs[0]; ++i) {
      const std::uint64_t rounds = jobs[i].rounds;
      stood_still[i] = rounds == last[i] ? stood_still[i] + 1 : 0;
      last[i] = rounds;
      if (stood_still[i] < patience) continue;
      std::fprintf(stderr, "FAILED: %s hangs after %llu rounds\n", jobs[i].name, static_cast<unsigned long long>(rounds));
      std::abort();
    }
  }
  over = true;
  pyro_test::end_after(60);
  for (const pthread_t t : threads) ::pthread_join(t, nullptr);
  for (int i = 0; i < 30 && profiler.stats().threads > 1; ++i) rest(100);  // slots of threads that have ended are given back
  const std::size_t threads_left = profiler.stats().threads;
  const std::size_t last_resident = resident_bytes();
  for (int i = 0; i < 20 && tables.retired() != 0; ++i) rest(100);
  const std::size_t retired = tables.retired();
  profiler.flush(std::chrono::seconds(10));
  const pyro::stats s = profiler.stats();
  profiler.stop();

  const pyro::native_stacks& n = s.native;
  const double all = static_cast<double>(n.complete + n.no_rows + n.out_of_bounds + n.too_deep);
  std::printf("%d s: %.0f samples walked, %llu produced, %llu lost for want of room; complete %.2f %%, without rows %.2f %%, out of bounds %.2f %%, too deep %.2f %%, "
              "of all guessed %.2f %%, by order %.2f %%\n",
              seconds, all, static_cast<unsigned long long>(s.samples_produced), static_cast<unsigned long long>(s.lost.ring_full),
              100 * static_cast<double>(n.complete) / all, 100 * static_cast<double>(n.no_rows) / all, 100 * static_cast<double>(n.out_of_bounds) / all,
              100 * static_cast<double>(n.too_deep) / all, 100 * static_cast<double>(n.guessed) / all, 100 * static_cast<double>(n.by_order) / all);
  std::printf("rounds:");
  for (const job& j : jobs) std::printf(" %s %llu;", j.name, static_cast<unsigned long long>(j.rounds));
  std::printf("\ntables built %llu times, %zu bytes, up to %zu snapshots waited to be freed, %zu at the end\n", static_cast<unsigned long long>(tables.builds()),
              tables.bytes(), most_retired, retired);
  std::printf("resident: %zu KiB after a third, %zu at most, %zu at the end; pyro's own CPU %.2f s; %zu threads have slots, %ld timers\n", first_resident / 1024,
              most_resident / 1024, last_resident / 1024, static_cast<double>(s.own_cpu_ns) / 1e9, threads_left, flood::timers);

  CHECK_EQUAL(wrong.load(), 0U);
  for (const job& j : jobs) {
    pyro_test::context = j.name;
    CHECK(j.rounds > 0);
  }
  pyro_test::context.clear();
  CHECK(n.complete > 0);
#if !PYRO_TEST_TSAN  // which calls handlers later, with the registers of before
  CHECK(static_cast<double>(n.complete) >= 0.9 * all);
#endif
  CHECK(tables.builds() > (PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 1U : static_cast<unsigned>(seconds)));  // sanitizers starve the pump
  CHECK_EQUAL(retired, 0U);
  CHECK(most_retired <= 32);
  CHECK(threads_left <= 1 + PYRO_TEST_TSAN);  // it has a thread of its own
  CHECK(flood::timers <= 1);
  CHECK(descriptors() <= descriptors_before);
#if !PYRO_TEST_ASAN && !PYRO_TEST_TSAN  // which keep what was freed
  CHECK(last_resident <= first_resident + (std::size_t{24} << 20));
#endif
  return pyro_test::result();
}
