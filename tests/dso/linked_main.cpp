// A program and two linked libraries: one tree, tags reach across, counts are exact, pauses reach all modules.
#include "expect.hpp"
#include "linked_expected.hpp"

#include <thread>

int main() {
  dso::counts want;
  for (const char* path : linked::expected) want[path] = 1;
  linked::run();  // off
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return dso::result();
  for (int i = 0; i < 100; ++i) linked::run();
  dso::expect_profile(profiler.collect_now(), dso::times(want, 100), "this thread");
  std::thread([] { linked::run(); }).join();
  std::thread([] { in_b(7, nullptr); }).join();  // a thread that is in a library alone
  dso::counts threads = want;
  for (const char* path : {"b", "dso::branch", "dso::branch;leaf", "templated", "templated;leaf"})
    threads[path == std::string("b") ? path : "b;" + std::string(path) + " {b=7}"] = 1;
  dso::expect_profile(profiler.collect_now(), threads, "other threads");
  profiler.pause();
  linked::run();
  dso::expect_profile(profiler.collect_now(), {}, "paused");
  profiler.resume();
  linked::run();
  dso::expect_profile(profiler.collect_now(), want, "resumed");
  profiler.stop();
  linked::run();
  profiler = pyro::configure(pyro_test::counting_only());
  linked::run();
  dso::expect_profile(profiler.collect_now(), want, "configured again");
  return dso::result();
}
