// A long-lived thread with ever new tag values: memory stays bounded, and new values are seen again when old ones went stale.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace stale_tree_test {

using pyro_test::calls_of;
using pyro_test::counting_only;
using pyro_test::counts;

namespace {

constexpr int values_at_once = 300;

/// One window's work: values that never came before, each once, and a path that always comes.
int work(int first) {
  for (int i = first; i < first + values_at_once; ++i) {
    PYRO_TAG("session", i);
    PYRO_SCOPE("request");
  }
  PYRO_SCOPE("always");
  return values_at_once + 1;
}

/// A thread that lives as long as this, and does what it is told.
class long_lived_thread {
 public:
  ~long_lived_thread() {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void run(std::function<void()> what) {
    std::unique_lock<std::mutex> hold(mutex_);
    what_ = std::move(what);
    changed_.notify_all();
    changed_.wait(hold, [this] { return !what_; });
  }

 private:
  void loop() {
    std::unique_lock<std::mutex> hold(mutex_);
    for (;;) {
      changed_.wait(hold, [this] { return ends_ || what_; });
      if (!what_) return;
      what_();
      what_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> what_;
  bool ends_ = false;
  std::thread thread_{[this] { loop(); }};
};

std::string request(int session) { return "request {session=" + std::to_string(session) + "}"; }

}  // namespace

TEST_CASE("ever new values in a long-lived thread: bounded memory, exact sums, and new values are seen again and again") {
  pyro::config c = counting_only();
  c.max_memory = 1 << 20;
  c.max_tag_values = 2000;
  auto p = pyro::configure(c);
  long_lived_thread worker;
  worker.run([] { work(-values_at_once); });
  p.collect_now();
  const auto begin = p.stats().memory_bytes;
  int first = 0, full_windows = 0, blind = 0, longest_blind = 0;
  constexpr int windows = 150;
  for (int w = 0; w < windows; ++w) {
    int entered = 0;
    worker.run([&] { entered = work(first); });
    const counts calls = calls_of(p.collect_now());
    REQUIRE(sum(calls) == entered);
    REQUIRE(p.stats().memory_bytes <= begin + c.max_memory + c.max_memory / 4);
    int seen = 0;
    for (int i = first; i < first + values_at_once; ++i) seen += calls.count(request(i)) != 0 ? 1 : 0;
    blind = seen == values_at_once ? 0 : blind + 1;
    longest_blind = std::max(longest_blind, blind);
    full_windows += seen == values_at_once ? 1 : 0;
    first += values_at_once;
  }
  INFO(full_windows << " of " << windows << " windows saw all new values; longest time without: " << longest_blind);
  // Six windows fill the key, six more pass until those are stale.
  CHECK(full_windows >= windows / 3);
  CHECK(longest_blind <= 10);
}

TEST_CASE("values that come back find room when stale ones are dropped") {
  pyro::config c = counting_only();
  c.max_tag_values = 400;
  auto p = pyro::configure(c);
  long_lived_thread worker;
  worker.run([] { work(1'000'000); });  // 300 of 400 values
  p.collect_now();
  for (int w = 0; w < 30; ++w) {
    worker.run([] {
      for (int i = 0; i < 150; ++i) {  // 100 find room at first
        PYRO_TAG("session", i);
        PYRO_SCOPE("request");
      }
    });
    const counts calls = calls_of(p.collect_now());
    INFO("window " << w << pyro_test::print(calls));
    REQUIRE(sum(calls) == 150);
    if (w >= 20) REQUIRE(calls.size() == 150);
  }
}

TEST_CASE("a thread that never comes back to depth 0 keeps its tree, and loses no counts") {
  pyro::config c = counting_only();
  c.max_tag_values = 400;
  auto p = pyro::configure(c);
  std::thread([&] {
    PYRO_SCOPE("event loop");
    for (int w = 0; w < 20; ++w) {
      const int entered = work(w * values_at_once);
      const counts calls = calls_of(p.collect_now());
      CHECK(sum(calls) == entered + (w == 0 ? 1 : 0));
    }
  }).join();
}

TEST_CASE("short-lived threads with ever new values: bounded memory, exact sums, and new values are seen again") {
  pyro::config c = counting_only();
  c.max_memory = 2 << 20;
  c.max_tag_values = 5000;
  auto p = pyro::configure(c);
  const auto begin = p.stats().memory_bytes;
  int first = 0, full_windows = 0;
  constexpr int windows = 100;
  for (int w = 0; w < windows; ++w) {
    int entered = 0;
    for (int t = 0; t < 3; ++t) {
      std::thread([&] { entered += work(first); }).join();
      first += values_at_once;
    }
    const counts calls = calls_of(p.collect_now());
    REQUIRE(sum(calls) == entered);
    REQUIRE(p.stats().memory_bytes <= begin + c.max_memory + c.max_memory / 4 + 8 * (64 << 10));  // and a few slots
    full_windows += calls.size() == 3 * values_at_once + 1 ? 1 : 0;
  }
  INFO(full_windows << " of " << windows << " windows saw all new values");
  CHECK(full_windows >= windows / 4);
}

TEST_CASE("a tree that a thread leaves while windows close is counted once and whole") {
  pyro::config c = counting_only();
  c.max_memory = 512 << 10;
  c.max_tag_values = 500;
  auto p = pyro::configure(c);
  std::atomic<bool> stop{false};
  std::int64_t entered = 0;
  std::thread worker([&] {
    for (int i = 0; !stop; ++i) {
      PYRO_TAG("session", i);
      PYRO_SCOPE("request");
      ++entered;
    }
  });
  std::int64_t counted = 0;
  for (int w = 0; w < 300; ++w) counted += sum(calls_of(p.collect_now()));
  stop = true;
  worker.join();
  counted += sum(calls_of(p.collect_now()));
  CHECK(counted == entered);
}

TEST_CASE("a run with a small budget after one with a large one has room") {
  pyro::config large = counting_only();
  large.max_memory = std::size_t{64} << 20;
  large.max_tag_values = 100'000;
  std::size_t before = 0;  // the slots of threads that earlier tests in this process had
  {
    auto p = pyro::configure(large);
    before = p.stats().memory_bytes;
    const auto fill = [] {
      for (int i = 0; i < 50'000; ++i) {
        PYRO_TAG("session", i);
        PYRO_SCOPE("request");
      }
    };
    fill();                   // in this thread's tree, which stays
    std::thread(fill).join();  // in the one of threads that ended
    p.collect_now();
    CHECK(p.stats().memory_bytes > before + (std::size_t{24} << 20));
  }
  pyro::config small = counting_only();
  small.max_memory = std::size_t{1} << 20;
  auto p = pyro::configure(small);
  CHECK(p.stats().memory_bytes < before + (std::size_t{18} << 20));  // half of it is free again
  std::thread([] { PYRO_SCOPE("new thread"); }).join();
  { PYRO_SCOPE("new path"); }
  const pyro::profile window = p.collect_now();
  CHECK(calls_of(window) == counts{{"new path", 1}, {"new thread", 1}});
  CHECK(window.lost.threads == 0);
}

}  // namespace stale_tree_test
