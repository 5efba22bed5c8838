// The profiler's handle: starting, delivering, stopping, and what misbehaving exporters and callbacks can't break.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"
#include "../sanitizers.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace profiler_test {

using namespace std::chrono_literals;
using pyro_test::calls_of;
using pyro_test::counting_only;
using pyro_test::counts;
using pyro_test::memory_exporter;
using pyro_test::message_list;
using clock_type = std::chrono::steady_clock;

namespace {

void leaf() { PYRO_SCOPE("leaf"); }

void burn(std::chrono::milliseconds cpu) {
  PYRO_SCOPE("burn");
  const auto now = [] { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); };
  const std::int64_t end = now() + std::chrono::nanoseconds(cpu).count();
  while (now() < end) {
  }
}

pyro::config with(std::shared_ptr<pyro::exporter> exporter, const message_list& log = {}) {
  pyro::config c;
  c.window = 3600s;  // no window closes by itself unless the test asks for it
  c.exporters = {std::move(exporter)};
  c.stacks = "scopes";
  c.log = log.callback();
  return c;
}

bool balanced(const pyro::stats& s) {
  return s.samples_produced == s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain + s.samples_open + s.lost.ring_full;
}

/// Fails as long as it is told to.
class failing_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "failing"; }
  pyro::export_result export_profile(const pyro::profile& window) override {
    ++attempts;
    if (throws) throw std::runtime_error("test");
    if (fails) return pyro::export_result::failure("the disk is full");
    calls += window.total(0);
    return pyro::export_result::success();
  }
  bool flush(clock_type::time_point) override {
    if (throws) throw 1;
    return true;
  }
  pyro::export_result finish() override {
    if (throws) throw std::runtime_error("finish");
    return pyro::export_result::success();
  }
  std::atomic<bool> fails{true}, throws{false};
  std::atomic<int> attempts{0};
  std::atomic<std::int64_t> calls{0};
};

/// Blocks until it is let go.
class blocking_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "blocking"; }
  pyro::export_result export_profile(const pyro::profile&) override {
    std::unique_lock<std::mutex> hold(mutex_);
    entered = true;
    changed_.wait(hold, [this] { return free_; });
    return pyro::export_result::success();
  }
  pyro::export_result finish() override {
    finished = true;
    return pyro::export_result::success();
  }
  void let_go() {
    const std::lock_guard<std::mutex> hold(mutex_);
    free_ = true;
    changed_.notify_all();
  }
  std::atomic<bool> entered{false}, finished{false};

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool free_ = false;
};

template <class Condition>
bool eventually(Condition&& condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

}  // namespace

TEST_CASE("a handle that was never configured is false, and every member is harmless") {
  pyro::profiler p;
  CHECK_FALSE(p);
  CHECK(p.error().empty());
  CHECK_FALSE(p.flush(1ms));
  CHECK_FALSE(p.set_sample_rate(100));
  p.pause();
  p.resume();
  p.stop();
  CHECK(p.collect_now().samples.empty());
  CHECK_FALSE(p.stats().running);
}

TEST_CASE("a second configure is an error that says so, and the first goes on") {
  const message_list log;
  pyro::config c = counting_only();
  c.log = log.callback();
  auto first = pyro::configure(c);
  REQUIRE(first);
  CHECK(first.error().empty());
  auto second = pyro::configure(counting_only());
  CHECK_FALSE(second);
  CHECK(second.error().find("running already") != std::string::npos);
  CHECK(log.count("running already", pyro::log_level::error) == 1);
  second.stop();
  leaf();
  CHECK(calls_of(first.collect_now()) == counts{{"leaf", 1}});
}

TEST_CASE("a moved handle keeps the profiler, the one moved from has none") {
  auto first = pyro::configure(counting_only());
  auto second = std::move(first);
  CHECK_FALSE(first);  // NOLINT: that is the question
  CHECK(second);
  first.stop();
  leaf();
  CHECK(calls_of(second.collect_now()) == counts{{"leaf", 1}});
  second = pyro::profiler();
  CHECK_FALSE(second);
  auto third = pyro::configure(counting_only());
  CHECK(third);
}

TEST_CASE("stop twice, and start again: nothing of the first run is in the second") {
  auto memory = std::make_shared<memory_exporter>();
  auto p = pyro::configure(with(memory));
  REQUIRE(p);
  leaf();
  p.stop();
  CHECK_FALSE(p);
  p.stop();
  CHECK(memory->calls() == counts{{"leaf", 1}});
  CHECK(memory->finished() == 1);
  leaf();
  auto other = std::make_shared<memory_exporter>();
  auto again = pyro::configure(with(other));
  REQUIRE(again);
  leaf();
  leaf();
  again.stop();
  CHECK(other->calls() == counts{{"leaf", 2}});
  CHECK(memory->windows().size() == 1);
}

TEST_CASE("the destructor delivers the last window") {
  auto memory = std::make_shared<memory_exporter>();
  {
    auto p = pyro::configure(with(memory));
    leaf();
  }
  CHECK(memory->calls() == counts{{"leaf", 1}});
  CHECK(memory->finished() == 1);
}

TEST_CASE("a run without anything to say still delivers one window, each time") {
  for (int run = 0; run < 2; ++run) {
    auto memory = std::make_shared<memory_exporter>();
    { auto p = pyro::configure(with(memory)); }
    INFO("run " << run);
    CHECK(memory->windows().size() == 1);
    CHECK(memory->finished() == 1);
  }
}

TEST_CASE("a user's exporter is released when profiling stops") {
  auto memory = std::make_shared<memory_exporter>();
  const std::weak_ptr<memory_exporter> watch = memory;
  auto p = pyro::configure(with(std::move(memory)));
  CHECK_FALSE(watch.expired());
  p.stop();
  CHECK(watch.expired());
}

TEST_CASE("flush delivers what was counted up to now") {
  auto memory = std::make_shared<memory_exporter>();
  auto p = pyro::configure(with(memory));
  for (int i = 1; i <= 5; ++i) {
    leaf();
    REQUIRE(p.flush(10s));
    REQUIRE(memory->calls() == counts{{"leaf", i}});
  }
  CHECK(memory->finished() == 0);
}

TEST_CASE("flush without background threads delivers as well") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = counting_only();
  c.exporters = {memory};
  auto p = pyro::configure(c);
  leaf();
  CHECK(p.flush(1s));
  CHECK(memory->calls() == counts{{"leaf", 1}});
  leaf();
  p.stop();
  CHECK(memory->calls() == counts{{"leaf", 2}});
}

TEST_CASE("several threads flush at once") {
  auto memory = std::make_shared<memory_exporter>();
  auto p = pyro::configure(with(memory));
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        leaf();
        good += p.flush(10s) ? 1 : 0;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(good == 40);
  p.stop();
  CHECK(memory->calls() == counts{{"leaf", 40}});
}

TEST_CASE("windows close by themselves, one after the other, and lose nothing") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(memory);
  c.window = 100ms;
  auto p = pyro::configure(c);
  int entered = 0;
  CHECK(eventually([&] {
    leaf();
    ++entered;
    return memory->windows().size() >= 4;
  }));
  p.stop();
  CHECK(memory->calls() == counts{{"leaf", entered}});
  std::int64_t end = 0;
  for (const auto& w : memory->windows()) {
    CHECK(w.duration_ns > 0);
    CHECK(w.time_ns >= end - 50'000'000);  // the wall clock may be slewed meanwhile
    end = w.time_ns + w.duration_ns;
  }
}

TEST_CASE("a window says what it is of") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(memory);
  c.application_name = "shop";
  c.tags = {{"zone", "b"}, {"region", "eu"}};
  c.sample_rate = 250;
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  auto p = pyro::configure(c);
  leaf();
  p.stop();
  const auto after = std::chrono::system_clock::now().time_since_epoch();
  REQUIRE(memory->windows().size() == 1);
  const pyro::profile w = memory->windows()[0];
  CHECK(w.application == "shop");
  CHECK(w.static_tags == std::vector<std::pair<std::string, std::string>>{{"region", "eu"}, {"zone", "b"}});
  CHECK(w.engine == "thread_timers");
  CHECK(w.period == 4'000'000);
  CHECK(w.time_ns >= std::chrono::nanoseconds(before).count() - 1'000'000);
  CHECK(w.time_ns + w.duration_ns <= std::chrono::nanoseconds(after).count() + 1'000'000);
  REQUIRE(w.sample_types.size() == 3);
  CHECK(w.sample_types[2].type == "cpu");
  CHECK(w.mappings.size() > 1);
  CHECK(w.cost.memory_bytes > 0);
  for (const auto& l : w.label_sets) CHECK(l.empty());  // static tags are not repeated in the rows
}

TEST_CASE("off in code, alone or in a list: no profiler, no error in the log, and the program goes on") {
  for (const char* text : {"off", " OFF ", "report,off", "off,pprof:never.pb.gz"}) {
    INFO(text);
    const message_list log;
    pyro::config c = counting_only();
    c.outputs = text;
    c.log = log.callback();
    auto p = pyro::configure(c);
    CHECK_FALSE(p);
    CHECK(p.error().find("off") != std::string::npos);
    CHECK(log.count("", pyro::log_level::warning) == 0);
    leaf();
  }
  auto p = pyro::configure(counting_only());
  CHECK(p);
}

TEST_CASE("settings that are wrong are said through the log callback, and profiling starts") {
  const message_list log;
  pyro::config c = counting_only();
  c.log = log.callback();
  c.sample_rate = 5000;
  c.outputs = "speedscope:x,null";
  c.server_address = "http://localhost:4040";
  auto p = pyro::configure(c);
  CHECK(p);
  CHECK(p.stats().sample_rate == 100);
  CHECK(log.count("sample_rate: 5000") == 1);
  CHECK(log.count("speedscope", pyro::log_level::error) == 1);
}

TEST_CASE("a server's address without an uploader: said once, at the first export") {
  const message_list log;
  pyro::config c = counting_only();
  c.log = log.callback();
  c.server_address = "http://localhost:4040";
  auto p = pyro::configure(c);
  CHECK(p);
  CHECK(log.count("server_address") == 0);
  leaf();
  p.flush();
  CHECK(log.count("pyro/export/pyroscope.hpp", pyro::log_level::warning) == 1);
  leaf();
  p.flush();
  CHECK(log.count("server_address") == 1);
}

TEST_CASE("what is lost is said once, with the setting that helps") {
  const message_list log;
  pyro::config c = counting_only();
  c.log = log.callback();
  c.max_tag_values = 10;
  c.max_tag_length = 8;
  auto p = pyro::configure(c);
  for (int window = 0; window < 2; ++window) {
    for (int i = 0; i < 40; ++i) {
      PYRO_TAG("key", i);
      leaf();
    }
    PYRO_TAG("other key", std::string("longer than eight"));
    leaf();
    p.flush();
  }
  CHECK(log.count("PYRO_MAX_TAG_VALUES", pyro::log_level::warning) == 1);
  CHECK(log.count("PYRO_MAX_TAG_LENGTH", pyro::log_level::warning) == 1);
  CHECK(log.count("PYRO_MAX_MEMORY") == 0);
}

TEST_CASE("messages below the level are not logged") {
  for (const auto level : {pyro::log_level::debug, pyro::log_level::error}) {
    const message_list log;
    pyro::config c = counting_only();
    c.log = log.callback();
    c.log_level = level;
    c.sample_rate = 5000;
    auto p = pyro::configure(c);
    CHECK(log.count("sample_rate") == (level == pyro::log_level::debug ? 1 : 0));
  }
}

TEST_CASE("the sample rate can be changed, a bad one is refused and said") {
  const message_list log;
  auto memory = std::make_shared<memory_exporter>();
  auto p = pyro::configure(with(memory, log));
  for (const int bad : {0, -1, 1001, 1 << 30}) {
    CHECK_FALSE(p.set_sample_rate(bad));
    CHECK(log.count("set_sample_rate: " + std::to_string(bad)) == 1);
    CHECK(p.stats().sample_rate == 100);
  }
  CHECK(p.set_sample_rate(500));
  CHECK(p.stats().sample_rate == 500);
  leaf();
  p.stop();
  CHECK(memory->windows().at(0).period == 2'000'000);
}

TEST_CASE("pausing stops counting and sampling until resume") {
  auto memory = std::make_shared<memory_exporter>();
  auto p = pyro::configure(with(memory));
  leaf();
  p.pause();
  p.pause();
  CHECK(p.stats().paused);
  burn(200ms);
  REQUIRE(p.flush(10s));
  const auto while_paused = memory->rows();
  CHECK(while_paused.count("burn") == 0);
  p.resume();
  p.resume();
  CHECK_FALSE(p.stats().paused);
  burn(300ms);
  p.stop();
  const auto rows = memory->rows();
  CHECK(calls_of(rows) == counts{{"leaf", 1}, {"burn", 1}});
  std::int64_t cpu = 0;
  for (const auto& r : rows) cpu += r.second.cpu_ns;
  CHECK(cpu > 200'000'000);
  CHECK(cpu < 400'000'000);
}

TEST_CASE("the ledger balances whenever it is asked, and in the end nothing is open") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(memory);
  c.window = 100ms;
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      while (!stop) burn(5ms);
    });
  const auto end = clock_type::now() + 1200ms;
  int unbalanced = 0, backwards = 0;
  pyro::stats last;
  while (clock_type::now() < end) {
    const pyro::stats s = p.stats();
    unbalanced += balanced(s) && s.samples_open <= s.samples_produced ? 0 : 1;
    backwards += s.samples_produced < last.samples_produced || s.samples_exported < last.samples_exported ? 1 : 0;
    last = s;
  }
  stop = true;
  for (auto& t : threads) t.join();
  CHECK(unbalanced == 0);
  CHECK(backwards == 0);
  std::this_thread::sleep_for(50ms);
  REQUIRE(p.flush(10s));
  const pyro::stats s = p.stats();
  CHECK(balanced(s));
  CHECK(s.running);
  CHECK(s.engine == "thread_timers");
  CHECK(s.samples_produced > 100);  // of 2,400 on an idle machine with two cores
  CHECK(s.samples_dropped == 0);
  std::int64_t exported = 0;
  for (const auto& w : memory->windows()) exported += w.total(1);
  CHECK(s.samples_exported == static_cast<std::uint64_t>(exported));
  CHECK(s.windows == memory->windows().size());
  CHECK(s.own_cpu_ns > 0);
  CHECK(s.memory_bytes > 0);
}

TEST_CASE("stats begin anew with each configure") {
  {
    auto p = pyro::configure(with(std::make_shared<memory_exporter>()));
    leaf();
    REQUIRE(p.flush(10s));
    CHECK(p.stats().windows == 1);
    CHECK(p.stats().calls == 1);
  }
  auto p = pyro::configure(with(std::make_shared<memory_exporter>()));
  CHECK(p.stats().windows == 0);
  CHECK(p.stats().calls == 0);
  CHECK(p.stats().samples_exported == 0);
}

TEST_CASE("a failing exporter: said once, windows counted as dropped, flush says no, and once more when it works again") {
  auto failing = std::make_shared<failing_exporter>();
  const message_list log;
  pyro::config c = with(failing, log);
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  for (int i = 0; i < 3; ++i) {
    burn(50ms);
    CHECK_FALSE(p.flush(10s));
  }
  CHECK(failing->attempts == 3);
  CHECK(log.count("the disk is full") == 1);
  CHECK(log.count("failing", pyro::log_level::error) == 1);
  pyro::stats s = p.stats();
  CHECK(s.export_failures == 3);
  CHECK(s.samples_dropped > 50);
  CHECK(s.samples_exported == 0);
  CHECK(s.samples_queued == 0);
  CHECK(balanced(s));

  failing->fails = false;
  leaf();
  CHECK(p.flush(10s));
  CHECK(log.count("works again") == 1);
  CHECK(failing->calls == 1);
  failing->fails = true;
  leaf();
  CHECK_FALSE(p.flush(10s));
  CHECK(log.count("the disk is full") == 2);
  CHECK(balanced(p.stats()));
}

TEST_CASE("an exporter that keeps what failed: queued, then delivered, and never counted twice") {
  class keeping_exporter : public pyro::exporter {
   public:
    const char* name() const noexcept override { return "keeping"; }
    pyro::export_result export_profile(const pyro::profile&) override {
      return fails ? pyro::export_result::retry_later("later") : pyro::export_result::success();
    }
    bool flush(clock_type::time_point) override { return !fails; }
    std::atomic<bool> fails{true};
  };
  auto keeping = std::make_shared<keeping_exporter>();
  const message_list log;
  pyro::config c = with(keeping, log);
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  burn(100ms);
  CHECK_FALSE(p.flush(10s));
  pyro::stats s = p.stats();
  CHECK(balanced(s));
  CHECK(s.samples_queued > 50);
  CHECK(s.samples_dropped == 0);
  CHECK(s.samples_exported == 0);
  keeping->fails = false;
  burn(10ms);
  CHECK(p.flush(10s));
  s = p.stats();
  CHECK(balanced(s));
  CHECK(s.samples_queued == 0);
  CHECK(s.samples_dropped == 0);
  CHECK(s.samples_exported > 50);
}

TEST_CASE("a failing exporter keeps nothing from the others") {
  auto failing = std::make_shared<failing_exporter>();
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(failing);
  c.exporters.push_back(nullptr);
  c.exporters.push_back(memory);
  auto p = pyro::configure(c);
  leaf();
  p.stop();
  CHECK(memory->calls() == counts{{"leaf", 1}});
}

TEST_CASE("an exporter that throws is a failing one") {
  auto failing = std::make_shared<failing_exporter>();
  failing->throws = true;
  const message_list log;
  auto p = pyro::configure(with(failing, log));
  for (int i = 0; i < 3; ++i) {
    leaf();
    CHECK_FALSE(p.flush(10s));
  }
  CHECK(log.count("exception") == 1);
  CHECK(p.stats().export_failures >= 3);
  p.stop();
  CHECK(failing->attempts >= 3);
}

TEST_CASE("a log callback that throws is harmless") {
  auto failing = std::make_shared<failing_exporter>();
  pyro::config c = with(failing);
  std::atomic<int> called{0};
  c.log = [&called](pyro::log_level, const std::string&) {
    ++called;
    throw std::runtime_error("test");
  };
  c.log_level = pyro::log_level::debug;
  c.sample_rate = 5000;
  {
    auto p = pyro::configure(c);
    CHECK(p);
    leaf();
    p.flush(10s);
    CHECK_FALSE(p.set_sample_rate(0));
  }
  CHECK(called >= 3);
}

TEST_CASE("an exporter that blocks: flush and stop are bounded, and the next run is not disturbed") {
  auto blocking = std::make_shared<blocking_exporter>();
  const message_list log;
  pyro::config c = with(blocking, log);
  c.exit_timeout = 300ms;
  auto p = pyro::configure(c);
  leaf();
  auto begin = clock_type::now();
  CHECK_FALSE(p.flush(200ms));
  CHECK(clock_type::now() - begin >= 200ms);
  CHECK(clock_type::now() - begin < 5s);
  CHECK(blocking->entered);
  leaf();
  begin = clock_type::now();
  p.stop();
  CHECK(clock_type::now() - begin >= 250ms);
  CHECK(clock_type::now() - begin < 5s);
  CHECK(log.count("exit_timeout", pyro::log_level::error) == 1);

  // The old worker still holds the old exporter. Either the next configure says so, or its run is whole.
  auto memory = std::make_shared<memory_exporter>();
  auto next = pyro::configure(with(memory, log));
  if (!next) CHECK_FALSE(next.error().empty());
  blocking->let_go();
  REQUIRE(eventually([&] { return blocking->finished.load(); }));
  if (!next) {
    REQUIRE(eventually([&] {
      next = pyro::configure(with(memory, log));
      return static_cast<bool>(next);
    }));
  }
  leaf();
  CHECK(next.flush(10s));
  begin = clock_type::now();
  next.stop();
  CHECK(clock_type::now() - begin < 5s);
  CHECK(memory->calls()["leaf"] >= 1);
  CHECK(memory->finished() == 1);
}

TEST_CASE("members may be called from many threads at once") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(memory);
  c.window = 100ms;
  c.sample_rate = 1000;
  auto p = pyro::configure(c);
  std::atomic<bool> stop{false};
  std::atomic<int> unbalanced{0};
  std::vector<std::thread> threads;
  const auto run = [&](auto&& what) {
    threads.emplace_back([&stop, what] {
      while (!stop) what();
    });
  };
  run([&] { burn(1ms); });
  run([&] {
    std::thread([] {
      PYRO_THREAD("short");
      leaf();
    }).join();
  });
  run([&] {
    p.pause();
    p.resume();
    std::this_thread::sleep_for(1ms);
  });
  run([&] {
    p.set_sample_rate(500);
    p.set_sample_rate(1000);
    std::this_thread::sleep_for(1ms);
  });
  run([&] {
    if (!balanced(p.stats())) ++unbalanced;
    std::this_thread::sleep_for(1ms);
  });
  run([&] { p.flush(1s); });
  std::this_thread::sleep_for(700ms);
  std::thread other([&] { p.stop(); });  // while all the others go on
  p.stop();
  other.join();
  stop = true;
  for (auto& t : threads) t.join();
  CHECK(unbalanced == 0);
  CHECK(memory->finished() == 1);
}

TEST_CASE("an uploader that cannot be made: said, and its samples are lost, not delivered") {
  const message_list log;
  const auto before = pyro::detail::uploader_slot.exchange(
      [](const pyro::config&, pyro::log_callback, std::string&) -> std::shared_ptr<pyro::exporter> { throw std::runtime_error("test"); });
  const bool background = GENERATE(true, false);
  {
    pyro::config c;
    c.window = 3600s;
    c.sample_rate = 1000;
    c.background = background;
    c.log = log.callback();
    c.server_address = "http://localhost:1";
    auto p = pyro::configure(c);
    burn(100ms);
    CHECK_FALSE(p.flush(5s));
    burn(100ms);
    CHECK_FALSE(p.flush(5s));
    const pyro::stats s = p.stats();
    CHECK(balanced(s));
    CHECK(s.samples_exported == 0);
  }
  CHECK(log.count("", pyro::log_level::error) >= 1);
  pyro::detail::uploader_slot.store(before);
}

TEST_CASE("a log callback that waits for what the stopping thread holds does not hold it up") {
  std::mutex program;
  std::atomic<bool> waiting{false};
  auto failing = std::make_shared<failing_exporter>();
  failing->fails = true;
  pyro::config c;
  c.window = 3600s;
  c.exit_timeout = 200ms;
  c.exporters = {failing};
  c.log = [&](pyro::log_level, const std::string&) {
    waiting = true;
    const std::lock_guard<std::mutex> hold(program);
  };
  auto p = pyro::configure(c);
  leaf();
  std::unique_lock<std::mutex> hold(program);
  std::thread flushes([&] { p.flush(100ms); });
  while (!waiting) std::this_thread::sleep_for(1ms);
  const auto begin = clock_type::now();
  p.stop();
  CHECK(clock_type::now() - begin < 5s);
  hold.unlock();
  flushes.join();
  std::this_thread::sleep_for(100ms);  // the worker comes to its end
}

#if !PYRO_TEST_TSAN && !PYRO_TEST_ASAN
TEST_CASE("a forked child may ask, stop and configure anew before its first scope") {
  auto memory = std::make_shared<memory_exporter>();
  pyro::config c = with(memory);
  c.window = 100ms;
  auto p = pyro::configure(c);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        leaf();
        p.stats();
      }
    });
  threads.emplace_back([&] {
    while (!stop) p.flush(1s);
  });
  int bad = 0;
  for (int i = 0; i < 200; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::alarm(10);
      p.stats();
      if (i % 2 == 0) {
        p.stop();
        auto anew = pyro::configure(counting_only());
        leaf();
        ::_exit(anew && calls_of(anew.collect_now()) == counts{{"leaf", 1}} ? 0 : 1);
      }
      leaf();
      ::_exit(p.stats().running ? 0 : 2);
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    if (status != 0 && bad == 0) UNSCOPED_INFO("child " << i << ": status " << status);
    bad += status == 0 ? 0 : 1;
  }
  stop = true;
  for (auto& t : threads) t.join();
  CHECK(bad == 0);
}

TEST_CASE("exit waits for a stop that is under way in another thread") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    class slow : public pyro::exporter {
     public:
      explicit slow(int fd) : fd_(fd) {}
      const char* name() const noexcept override { return "slow"; }
      pyro::export_result export_profile(const pyro::profile&) override {
        ::usleep(400000);
        return ::write(fd_, "x", 1) == 1 ? pyro::export_result::success() : pyro::export_result::failure("test");
      }

     private:
      int fd_;
    };
    static auto& p = *new pyro::profiler(pyro::configure(with(std::make_shared<slow>(ends[1]))));
    leaf();
    std::thread([] { p.stop(); }).detach();
    ::usleep(100000);
    std::exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  ::close(ends[0]);
}
#endif

}  // namespace profiler_test
