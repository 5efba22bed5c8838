// Shows that forks don't meet the pump at a bad moment: many, while plugins come and go so that unwind tables are rebuilt all the time, from
// threads that are being sampled. A child's own profile has complete native stacks, of its own work alone; nothing hangs.
//
//   forks SECONDS PLUGIN...
#include "flood.hpp"
#include "workloads.hpp"

#include "../integration/check.hpp"
#include "../integration/process.hpp"
#include "../integration/rows.hpp"

#include <atomic>
#include <chrono>
#include <memory>

namespace {

using clock_type = std::chrono::steady_clock;

/// Serves the child too: what a window of its own says.
class counting_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "counting"; }
  pyro::export_result export_profile(const pyro::profile& window) override {
    complete += window.native.complete;
    cut += window.native.no_rows + window.native.out_of_bounds + window.native.too_deep;
    why += std::to_string(window.native.no_rows) + " without rows, " + std::to_string(window.native.out_of_bounds) + " out of bounds; ";
    for (const auto& row : pyro_test::rows_of(window)) {
      if (row.first.find("only in parents") != std::string::npos) of_parent += row.second.samples + row.second.calls;
      if (row.first.find("in child") != std::string::npos && row.first.find("main") != std::string::npos) rooted += row.second.samples;
    }
    return pyro::export_result::success();
  }
  bool after_fork() noexcept override {
    complete = cut = 0;
    why.clear();
    of_parent = rooted = 0;
    return true;
  }
  std::uint64_t complete = 0, cut = 0;
  std::int64_t of_parent = 0, rooted = 0;
  std::string why;
};

/// Opens no library: another thread of the parent may have been about to, and the C library does not mend that.
int child(pyro::profiler& profiler, const counting_exporter& seen) {
  {
    PYRO_SCOPE("in child");
    for (const std::int64_t until = pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) + 60000000; pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) < until;)
      if (!workloads::sort_by_callback() || !workloads::throw_and_catch()) return 3;
  }
  if (!profiler.flush(std::chrono::seconds(15))) return 5;
  if (seen.of_parent != 0 || seen.complete < 5 || seen.rooted == 0 || seen.complete < 9 * seen.cut)
    std::fprintf(stderr, "in child: %llu samples complete, %llu not (%s), %lld from main on, %lld of the parent's\n", static_cast<unsigned long long>(seen.complete),
                 static_cast<unsigned long long>(seen.cut), seen.why.c_str(), static_cast<long long>(seen.rooted), static_cast<long long>(seen.of_parent));
  if (seen.of_parent != 0) return 6;
  if (seen.complete < 5) return 7;
  if (seen.rooted == 0) return 8;
  if (seen.complete < 9 * seen.cut) return 9;
  return 17;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: forks SECONDS PLUGIN...\n"), 2;
  const int seconds = std::atoi(argv[1]);
  const std::vector<std::string> plugins(argv + 2, argv + argc);
  pyro_test::end_after(static_cast<unsigned>(seconds) + 120);
  const char* hz = std::getenv("PYRO_STRESS_HZ");
  flood::per_second = hz != nullptr ? std::atol(hz) : 2000;
  pyro::config c;
  c.sample_rate = 1000;
  c.window = std::chrono::milliseconds(100);
  const auto seen = std::make_shared<counting_exporter>();
  c.exporters = {seen};
  auto profiler = pyro::configure(c);
  CHECK(profiler);

  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> opened{0}, wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t n = 0; n < 2; ++n)
    threads.emplace_back([&, n] {
      PYRO_SCOPE("only in parents");
      for (std::size_t i = n; !over; ++i) {
        if (!workloads::use_plugin(plugins[i % plugins.size()])) ++wrong;
        ++opened;
      }
    });
  threads.emplace_back([&] {  // the pump's work at every moment, so that forks meet it
    while (!over) {
      profiler.flush(std::chrono::seconds(1));
      ::usleep(200);
    }
  });
  int forks = 0, short_lived = 0, ended_badly = 0;
  const auto until = clock_type::now() + std::chrono::seconds(seconds);
  for (; clock_type::now() < until && ended_badly < 5; ++forks) {
    const bool looks = forks % 8 == 0;  // the others are many instead
    const pid_t pid = ::fork();
    if (pid == 0) {
      flood::forget();
      pyro_test::end_after(30);
      if (looks) ::_exit(child(profiler, *seen));
      { PYRO_SCOPE("in child"); }
      ::_exit(workloads::allocate() ? 17 : 2);
    }
    if (!looks) ++short_lived;
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 17) continue;
    ++ended_badly;
    std::fprintf(stderr, "child %d: status %x\n", forks, static_cast<unsigned>(status));
  }
  over = true;
  for (std::thread& t : threads) t.join();
  profiler.stop();
  std::printf("%d forks, %d of them of short-lived children, while plugins were opened %llu times\n", forks, short_lived,
              static_cast<unsigned long long>(opened));
  CHECK_EQUAL(ended_badly, 0);
  CHECK_EQUAL(wrong.load(), 0U);
  CHECK(forks > 8);  // on a machine under load
  return pyro_test::result();
}
