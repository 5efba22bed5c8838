// Hundreds of forks while other threads enter scopes, tag, name themselves and end, and while windows are closed all the time: no child
// hangs (a watchdog ends it), crashes, or counts anything but its own.
#include "check.hpp"
#include "process.hpp"
#include "rows.hpp"

#include <atomic>
#include <chrono>
#include <dlfcn.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <vector>

namespace {

void leaf() { PYRO_SCOPE("leaf"); }

/// Adds the calls of all windows up; serves the child as well.
class adding_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "adding"; }
  pyro::export_result export_profile(const pyro::profile& window) override {
    calls += window.total(0);
    return pyro::export_result::success();
  }
  bool after_fork() noexcept override {
    calls = 0;
    return true;
  }
  std::atomic<std::int64_t> calls{0};
};

/// What a child does: scopes, threads, exceptions, a library, a profile. Its exit status says what was wrong.
int child(pyro::profiler& profiler, const adding_exporter& sum, int number) {
  const int kind = number % 5;
  if (kind == 0) return 0;
  PYRO_SCOPE("child");
  for (int i = 0; i < 10; ++i) leaf();
  std::int64_t expected = 11;
  if (kind == 2) {
    std::thread([] {
      PYRO_THREAD("child's");
      for (int i = 0; i < 10; ++i) leaf();
    }).join();
    expected += 10;
  }
  if (kind == 3) {
    try {
      PYRO_SCOPE("throws");
      throw std::runtime_error("test");
    } catch (const std::runtime_error&) {
      leaf();
    }
    expected += 2;
    if (void* library = ::dlopen("libm.so.6", RTLD_NOW)) ::dlclose(library);
  }
  const bool flushed = profiler.flush(std::chrono::seconds(15));
  if (!flushed || sum.calls != expected) {
    std::fprintf(stderr, "child %d of kind %d: %lld calls expected, %lld counted%s\n", number, kind, static_cast<long long>(expected),
                 static_cast<long long>(sum.calls), flushed ? "" : ", and no flush");
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
#if PYRO_TEST_TSAN
  const int default_forks = 0;  // threads after a fork of a program with threads is what this sanitizer does not allow
#elif PYRO_TEST_ASAN
  const int default_forks = 60;
#else
  const int default_forks = 300;
#endif
  const int forks = argc > 1 ? std::atoi(argv[1]) : default_forks;
  pyro::config c;
  c.window = std::chrono::milliseconds(100);
  c.sample_rate = 1000;
  const auto sum = std::make_shared<adding_exporter>();
  c.exporters = {sum};
  auto profiler = pyro::configure(c);
  CHECK(profiler);

  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {  // ever new paths and names: the tree and the table of texts change all the time
    for (int i = 0; !stop; ++i) {
      PYRO_TAG("number", i % 3000);
      leaf();
      if (i % 8 == 0) PYRO_THREAD(i % 16 == 0 ? "an even name" : "a name that is odd and longer than that");
      if (i % 200 == 0) ::usleep(300);
    }
  });
  threads.emplace_back([&] {
    while (!stop) {
      std::thread(leaf).join();
      ::usleep(300);
    }
  });
  threads.emplace_back([&] {  // the worker is at work most of the time
    while (!stop) {
      profiler.flush(std::chrono::seconds(1));
      ::usleep(300);
    }
  });
  threads.emplace_back([&] {
    while (!stop) {
      profiler.pause();
      profiler.resume();
      profiler.set_sample_rate(1000);
      profiler.stats();
      ::usleep(100);
    }
  });

  int ended_badly = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < forks; ++i) {
    if (i >= 100 && std::chrono::steady_clock::now() - begin > std::chrono::seconds(20)) break;  // a machine under load
    PYRO_SCOPE("forks");
    if (i % 7 == 0) profiler.resume();
    const pid_t pid = ::fork();
    if (pid == 0) {
      pyro_test::end_after(20);
      profiler.resume();  // the parent may have been paused at that moment
      const int status = child(profiler, *sum, i);
      if (i % 2 == 0) ::_exit(status);
      std::exit(status);
    }
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) {
      ++ended_badly;
      std::fprintf(stderr, "child %d: status %x\n", i, static_cast<unsigned>(status));
      if (ended_badly == 5) break;
    }
  }
  stop = true;
  for (auto& t : threads) t.join();
  CHECK_EQUAL(ended_badly, 0);
  profiler.stop();
  return pyro_test::result();
}
