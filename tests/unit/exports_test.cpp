// The ledger over all exporters, those that deliver later beside those that deliver at once: every sample has one fate, at any time. And the
// deadlines of flush and stop, handed on to exporters that wait.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"
#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace exports_test {

using namespace std::chrono_literals;
using pyro::collect::exports;
using pyro::delivery;
using pyro::export_result;
using pyro::stats;
using pyro_test::message_list;
using clock_type = std::chrono::steady_clock;

namespace {

void leaf() { PYRO_SCOPE("leaf"); }

void burn(std::chrono::milliseconds cpu) {
  PYRO_SCOPE("burn");
  // What the machine gave to others meanwhile can count as one long step, in which no timer is looked at.
  const auto now = [] { return pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID); };
  std::int64_t left = std::chrono::nanoseconds(cpu).count();
  for (std::int64_t last = now(); left > 0;) {
    const std::int64_t next = now();
    left -= std::min<std::int64_t>(next - last, 1'000'000);
    last = next;
  }
}

/// Delivers when it is told to.
class later_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "later"; }
  export_result export_profile(const pyro::profile& window) override {
    if (before_taken) before_taken();
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      ledger_.queued += static_cast<std::uint64_t>(window.total(1));
    }
    if (after_taken) after_taken();
    return result;
  }
  bool flush(clock_type::time_point deadline) override {
    std::unique_lock<std::mutex> hold(mutex_);
    left_at_flush = deadline - clock_type::now();
    ++flushes;
    return changed_.wait_until(hold, deadline, [this] { return ledger_.queued == 0; });
  }
  bool report(delivery& out) const noexcept override {
    const std::lock_guard<std::mutex> hold(mutex_);
    out = ledger_;
    return true;
  }
  std::int64_t cpu_ns() const noexcept override { return cpu; }

  void settle(std::uint64_t samples, std::uint64_t delivery::* to) {
    const std::lock_guard<std::mutex> hold(mutex_);
    samples = std::min(samples, ledger_.queued);
    ledger_.queued -= samples;
    ledger_.*to += samples;
    changed_.notify_all();
  }

  std::function<void()> before_taken, after_taken;
  export_result result;
  std::atomic<std::int64_t> cpu{0};
  std::atomic<clock_type::duration> left_at_flush{0s};
  std::atomic<int> flushes{0};

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  delivery ledger_;
};

/// Delivers at once, or does what `results` says, one after the other.
class prompt_exporter : public pyro::exporter {
 public:
  explicit prompt_exporter(std::vector<export_result> r = {}) : results(std::move(r)) {}
  const char* name() const noexcept override { return "prompt"; }
  export_result export_profile(const pyro::profile&) override {
    if (results.empty()) return export_result::success();
    const export_result next = results.front();
    results.erase(results.begin());
    return next;
  }
  bool flush(clock_type::time_point) override { return flushed; }
  std::vector<export_result> results;
  bool flushed = true;
};

pyro::profile window_of(std::int64_t samples) {
  pyro_test::profile_maker m;
  m.row({"f"}, {}, 1, samples);
  return m.get();
}

struct fixture {
  fixture() { log.configure([](pyro::log_level, const std::string&) {}, pyro::log_level::error); }
  pyro::detail::logger log;
  exports all{log};

  void start(std::vector<std::shared_ptr<pyro::exporter>> list) {
    all.replace(std::move(list));
    all.start_run();
  }
  stats now() {
    stats s;
    all.fill(s);
    return s;
  }
};

bool is(const stats& s, std::uint64_t exported, std::uint64_t queued, std::uint64_t dropped, std::uint64_t uncertain) {
  CAPTURE(s.samples_exported, s.samples_queued, s.samples_dropped, s.samples_uncertain);
  CHECK((s.samples_exported == exported && s.samples_queued == queued && s.samples_dropped == dropped && s.samples_uncertain == uncertain));
  return true;
}

std::uint64_t sum(const stats& s) { return s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain; }

bool balanced(const stats& s) { return s.samples_produced == sum(s) + s.samples_open + s.lost.ring_full; }

}  // namespace

TEST_CASE("exports: what an exporter that delivers later reports is what stats say") {
  fixture f;
  auto later = std::make_shared<later_exporter>();
  f.start({later});
  is(f.now(), 0, 0, 0, 0);
  CHECK(f.all.send(window_of(100)));
  is(f.now(), 0, 100, 0, 0);
  later->settle(60, &delivery::sent);
  is(f.now(), 60, 40, 0, 0);
  later->settle(30, &delivery::dropped);
  is(f.now(), 60, 10, 30, 0);
  later->settle(4, &delivery::uncertain);
  is(f.now(), 60, 6, 30, 4);
  CHECK(f.all.send(window_of(1)));
  is(f.now(), 60, 7, 30, 4);
  later->settle(7, &delivery::sent);
  is(f.now(), 67, 0, 30, 4);
  CHECK(f.now().windows == 2);
}

TEST_CASE("exports: of several exporters the worst speaks for all, and nothing counts twice") {
  fixture f;
  auto later = std::make_shared<later_exporter>();
  auto prompt = std::make_shared<prompt_exporter>();
  f.start({later, prompt});
  f.all.send(window_of(100));
  is(f.now(), 0, 100, 0, 0);  // the prompt one has it, the other not yet
  later->settle(100, &delivery::sent);
  is(f.now(), 100, 0, 0, 0);
  prompt->results = {export_result::failure("full")};
  CHECK_FALSE(f.all.send(window_of(50)));
  is(f.now(), 100, 0, 50, 0);  // lost by one: it is no more waited for
  later->settle(50, &delivery::sent);
  is(f.now(), 100, 0, 50, 0);
  f.all.send(window_of(30));
  later->settle(10, &delivery::uncertain);
  is(f.now(), 130, 0, 50, 0);  // 50 are not at all exporters, whichever
  later->settle(20, &delivery::dropped);
  is(f.now(), 130, 0, 50, 0);
  f.all.send(window_of(70));
  is(f.now(), 150, 40, 50, 10);  // now the later one is behind: 10 uncertain, 20 dropped, 70 queued
  later->settle(70, &delivery::sent);
  is(f.now(), 200, 0, 50, 0);
}

TEST_CASE("exports: results alone: failures are dropped, what is kept is queued until a success") {
  fixture f;
  auto prompt = std::make_shared<prompt_exporter>(std::vector<export_result>{
      export_result::success(), export_result::failure("x"), export_result::retry_later("x"), export_result::retry_later("x"), export_result::failure("x")});
  f.start({prompt});
  f.all.send(window_of(1));
  is(f.now(), 1, 0, 0, 0);
  f.all.send(window_of(2));
  is(f.now(), 1, 0, 2, 0);
  f.all.send(window_of(4));
  is(f.now(), 1, 4, 2, 0);
  f.all.send(window_of(8));
  is(f.now(), 1, 12, 2, 0);
  f.all.send(window_of(16));
  is(f.now(), 1, 12, 18, 0);
  CHECK(f.now().export_failures == 4);
  prompt->flushed = false;
  CHECK_FALSE(f.all.flush(clock_type::now()));
  is(f.now(), 1, 12, 18, 0);
  prompt->flushed = true;
  CHECK(f.all.flush(clock_type::now()));
  is(f.now(), 13, 0, 18, 0);
  f.all.send(window_of(32));
  is(f.now(), 45, 0, 18, 0);
  prompt->results = {export_result::retry_later("x")};
  f.all.send(window_of(64));
  is(f.now(), 45, 64, 18, 0);
  f.all.send(window_of(128));
  is(f.now(), 237, 0, 18, 0);  // success means that all it held is delivered
}

TEST_CASE("exports: while a window is handed over the ledger balances, and what was delivered stays so") {
  fixture f;
  auto first = std::make_shared<later_exporter>();
  auto second = std::make_shared<later_exporter>();
  f.start({first, std::make_shared<prompt_exporter>(), second});
  int looked = 0;
  std::uint64_t given = 0, delivered = 0;
  const auto look = [&] {
    is(f.now(), delivered, given - delivered, 0, 0);
    ++looked;
  };
  for (const auto& e : {first, second}) {
    e->before_taken = look;
    e->after_taken = look;
  }
  for (int window = 0; window < 3; ++window) {
    given += 100;
    f.all.send(window_of(100));
    look();
    first->settle(100, &delivery::sent);
    look();
    second->settle(100, &delivery::sent);
    delivered += 100;
    look();
  }
  CHECK(looked == 21);

  fixture g;
  auto only = std::make_shared<later_exporter>();
  g.start({only});
  only->before_taken = [&] { is(g.now(), 0, 100, 0, 0); };
  g.all.send(window_of(100));
}

TEST_CASE("exports: a window that did not come into an exporter's report is dropped, one that did is counted there alone") {
  fixture f;
  auto later = std::make_shared<later_exporter>();
  f.start({later});
  later->before_taken = [] { throw std::bad_alloc(); };
  CHECK_FALSE(f.all.send(window_of(100)));
  is(f.now(), 0, 0, 100, 0);
  later->before_taken = nullptr;
  later->after_taken = [&] { later->settle(10, &delivery::dropped); };
  later->result = export_result::failure("refused");
  CHECK_FALSE(f.all.send(window_of(10)));
  is(f.now(), 0, 0, 110, 0);
  later->after_taken = nullptr;
  later->result = export_result::retry_later("later");
  CHECK_FALSE(f.all.send(window_of(7)));
  is(f.now(), 0, 7, 110, 0);
  later->settle(7, &delivery::sent);
  is(f.now(), 7, 0, 110, 0);
}

TEST_CASE("exports: the end: what is still held is dropped, and the values stay whatever the exporter does later") {
  fixture f;
  auto later = std::make_shared<later_exporter>();
  f.start({later, std::make_shared<prompt_exporter>()});
  f.all.send(window_of(100));
  later->settle(50, &delivery::sent);
  later->settle(20, &delivery::uncertain);
  is(f.now(), 50, 30, 0, 20);
  f.all.finish();
  CHECK(f.all.empty());
  for (int i = 0; i < 2; ++i) {
    is(f.now(), 50, 0, 30, 20);
    later->settle(30, &delivery::sent);
  }
  CHECK(f.now().windows == 1);
}

TEST_CASE("exports: other exporters in the middle of a run: their sums come on top") {
  fixture f;
  auto first = std::make_shared<later_exporter>();
  auto second = std::make_shared<later_exporter>();
  f.start({first});
  f.all.send(window_of(100));
  first->settle(60, &delivery::sent);
  first->settle(10, &delivery::dropped);
  first->settle(10, &delivery::uncertain);
  f.all.replace({second});
  is(f.now(), 60, 0, 30, 10);
  f.all.send(window_of(1000));
  is(f.now(), 60, 1000, 30, 10);
  second->settle(20, &delivery::dropped);
  second->settle(30, &delivery::uncertain);
  second->settle(500, &delivery::sent);
  is(f.now(), 560, 450, 50, 40);
  f.all.finish();
  is(f.now(), 560, 0, 500, 40);
}

TEST_CASE("exports: an exporter that is used again counts from nothing, also its CPU time") {
  fixture f;
  auto later = std::make_shared<later_exporter>();
  later->cpu = 1'000;
  for (int run = 0; run < 3; ++run) {
    f.start({later});
    is(f.now(), 0, 0, 0, 0);
    CHECK(f.all.cpu_ns() == 0);
    f.all.send(window_of(100));
    is(f.now(), 0, 100, 0, 0);
    later->settle(50, &delivery::sent);
    later->settle(20, &delivery::dropped);
    later->settle(30, &delivery::uncertain);
    is(f.now(), 50, 0, 20, 30);
    later->before_taken = [] { throw std::bad_alloc(); };  // what it reported before does not hide what it never took in
    f.all.send(window_of(7));
    later->before_taken = nullptr;
    is(f.now(), 50, 0, 27, 30);
    later->cpu += 500;
    CHECK(f.all.cpu_ns() == 500);
    f.all.finish();
    later->cpu += 70;  // of another's use
    is(f.now(), 50, 0, 27, 30);
    CHECK(f.all.cpu_ns() == 500);
  }
}

TEST_CASE("exports: CPU time of all exporters is added up, also of those that are gone") {
  fixture f;
  auto first = std::make_shared<later_exporter>();
  auto second = std::make_shared<later_exporter>();
  f.start({first, std::make_shared<prompt_exporter>(), second});
  first->cpu = 100;
  second->cpu = 10;
  CHECK(f.all.cpu_ns() == 110);
  auto third = std::make_shared<later_exporter>();
  f.all.replace({third});
  first->cpu = 1'000'000;
  third->cpu = 1;
  CHECK(f.all.cpu_ns() == 111);
  f.all.replace(std::vector<std::shared_ptr<pyro::exporter>>());
  third->cpu = 1'000'000;
  CHECK(f.all.cpu_ns() == 111);
}

TEST_CASE("exports: one that waits for its server does not take the others' time to flush") {
  fixture f;
  auto away = std::make_shared<later_exporter>();
  auto there = std::make_shared<later_exporter>();
  f.start({away, std::make_shared<prompt_exporter>(), there});
  f.all.send(window_of(10));
  std::atomic<bool> helped{false};
  std::thread server([&] {
    while (there->flushes == 0) std::this_thread::sleep_for(1ms);
    helped = clock_type::duration(there->left_at_flush) > 100ms;
    there->settle(10, &delivery::sent);
  });
  const auto begin = clock_type::now();
  CHECK_FALSE(f.all.flush(begin + 600ms));
  CHECK(clock_type::now() - begin >= 590ms);  // what the others left is the first one's again
  CHECK(clock_type::now() - begin < 3s);
  server.join();
  CHECK(helped);
  CHECK(there->flushes == 1);
  CHECK(away->flushes == 2);
  delivery left;
  there->report(left);
  CHECK(left.queued == 0);
}

TEST_CASE("exports: the uploader of this program is found at the first export; where there is none, what it should have had is dropped") {
  static std::shared_ptr<later_exporter> made;
  static std::string refused;
  struct restore {
    ~restore() {
      pyro::detail::uploader_slot = nullptr;
      made = nullptr;
    }
  } const at_the_end;
  const message_list log;
  fixture f;
  f.log.configure(log.callback(), pyro::log_level::warning);
  pyro::config settings;
  f.start({std::make_shared<prompt_exporter>()});
  CHECK_FALSE(f.all.add_uploader(settings));  // none is asked for
  CHECK(f.all.send(window_of(1)));
  is(f.now(), 1, 0, 0, 0);

  settings.server_address = "http://p";
  CHECK_FALSE(f.all.add_uploader(settings));
  CHECK_FALSE(f.all.add_uploader(settings));
  CHECK(log.count("pyro/export/pyroscope.hpp") == 1);
  CHECK_FALSE(f.all.send(window_of(2)));
  CHECK(f.now().samples_dropped >= 2);
  CHECK(sum(f.now()) == 3);

  pyro::detail::uploader_slot = [](const pyro::config& c, pyro::log_callback say, std::string& why_not) -> std::shared_ptr<pyro::exporter> {
    CHECK(c.server_address == "http://p");
    say(pyro::log_level::warning, "made");
    why_not = refused;
    if (!refused.empty()) return nullptr;
    return made = std::make_shared<later_exporter>();
  };
  refused = "server_address: no";
  f.start({});
  CHECK_FALSE(f.all.add_uploader(settings));
  CHECK(log.count("server_address: no; profiles are not pushed", pyro::log_level::error) == 1);
  CHECK_FALSE(f.all.send(window_of(4)));
  is(f.now(), 0, 0, 4, 0);

  refused.clear();
  f.start({});
  CHECK(f.all.add_uploader(settings));
  CHECK_FALSE(f.all.add_uploader(settings));
  CHECK(log.count("made") == 2);
  CHECK(f.all.send(window_of(8)));
  is(f.now(), 0, 8, 0, 0);
  made->settle(8, &delivery::sent);
  is(f.now(), 8, 0, 0, 0);
}

TEST_CASE("exports: exporters are destroyed when others may ask for the ledger again") {
  class asking : public pyro::exporter {
   public:
    asking(fixture& f, int& asked) : f_(f), asked_(asked) {}
    ~asking() override {
      f_.now();
      ++asked_;
    }
    const char* name() const noexcept override { return "asking"; }
    export_result export_profile(const pyro::profile&) override { return export_result::success(); }

   private:
    fixture& f_;
    int& asked_;
  };
  fixture f;
  int asked = 0;
  f.start({std::make_shared<asking>(f, asked)});
  f.all.replace({std::make_shared<asking>(f, asked)});
  CHECK(asked == 1);
  f.all.finish();
  CHECK(asked == 2);
}

TEST_CASE("exports: random fates at two exporters: always balanced, never more than the better one has, delivered never goes back") {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    fixture f;
    auto later = std::make_shared<later_exporter>();
    auto other = std::make_shared<later_exporter>();
    f.start({later, other});
    std::uint64_t given = 0, delivered = 0;
    for (int step = 0; step < 200; ++step) {
      if (random() % 4 == 0) {
        const auto samples = random() % 100;
        given += samples;
        f.all.send(window_of(static_cast<std::int64_t>(samples)));
      } else {
        std::uint64_t delivery::* const fates[] = {&delivery::sent, &delivery::sent, &delivery::dropped, &delivery::uncertain};
        (random() % 2 ? later : other)->settle(random() % 50, fates[random() % 4]);
      }
      const stats s = f.now();
      delivery a, b;
      later->report(a);
      other->report(b);
      REQUIRE(sum(s) == given);
      REQUIRE(s.samples_exported == std::min(a.sent, b.sent));
      REQUIRE(s.samples_dropped == std::max(a.dropped, b.dropped));
      REQUIRE(s.samples_uncertain <= std::max(a.uncertain, b.uncertain));
      REQUIRE(s.samples_exported >= delivered);
      delivered = s.samples_exported;
    }
  }
}

TEST_CASE("flush requests: a round has the patience of those who wait for it, not of others before or after") {
  pyro::collect::flush_requests r;
  CHECK(r.pending().ticket == 0);
  const auto first = r.ask(5'000), second = r.ask(1'000);
  CHECK(second > first);
  CHECK(r.pending().ticket == second);
  CHECK(r.pending().until_ns == 5'000);  // asked again, before the answer
  const auto third = r.ask(70);
  CHECK(r.pending().ticket == third);
  r.answer(second, true);
  const auto batch = r.pending();
  CHECK(batch.ticket == third);
  r.answer(batch.ticket, false);
  CHECK(r.pending().ticket == 0);
  const auto fourth = r.ask(80);
  CHECK(r.pending().ticket == fourth);
  CHECK(r.pending().until_ns == 80);
  const auto fifth = r.ask(60);
  r.answer(fourth, true);
  CHECK(r.pending().ticket == fifth);
  CHECK(r.pending().until_ns == 60);
  const auto runs = [] { return true; };
  const auto soon = [] { return pyro::platform::monotonic_ns() + 20'000'000; };
  CHECK(r.wait(fourth, soon(), runs));
  CHECK_FALSE(r.wait(fifth, soon(), runs));
  CHECK_FALSE(r.wait(fifth, soon() + 60'000'000'000, [] { return false; }));
  r.answer(fifth, false);
  CHECK_FALSE(r.wait(fifth, soon(), runs));
}

TEST_CASE("the ledger of a running profiler balances for whoever asks, with exporters that deliver later, at once, or fail") {
  auto later = std::make_shared<later_exporter>();
  auto prompt = std::make_shared<prompt_exporter>();
  for (int i = 0; i < 100; ++i)
    prompt->results.push_back(i % 3 == 0 ? export_result::success() : i % 3 == 1 ? export_result::failure("x") : export_result::retry_later("x"));
  pyro::config c;
  c.stacks = "scopes";
  c.window = 100ms;
  c.sample_rate = 1000;
  c.exporters = {later, prompt};
  c.log = message_list().callback();
  auto p = pyro::configure(c);
  REQUIRE(p);
  std::atomic<bool> stop{false};
  std::atomic<int> unbalanced{0}, backwards{0}, asked{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t)
    threads.emplace_back([&] {
      std::uint64_t exported = 0;
      while (!stop) {
        const stats s = p.stats();
        if (!balanced(s)) ++unbalanced;
        if (s.samples_exported < exported) ++backwards;
        exported = s.samples_exported;
        ++asked;
        std::this_thread::sleep_for(200us);
      }
    });
  threads.emplace_back([&] {
    std::mt19937 random(1);
    std::uint64_t delivery::* const fates[] = {&delivery::sent, &delivery::dropped, &delivery::uncertain};
    while (!stop) {
      later->settle(random() % 30, fates[random() % 3]);
      later->cpu += 1'000'000'000;
      std::this_thread::sleep_for(1ms);
    }
  });
  const auto end = clock_type::now() + 1s;
  while (clock_type::now() < end) burn(5ms);
  CHECK(p.stats().own_cpu_ns > 100'000'000'000);
  stop = true;
  for (auto& t : threads) t.join();
  CHECK(asked > 100);
  CHECK(unbalanced == 0);
  CHECK(backwards == 0);
  p.stop();
  const stats s = pyro::collect::runtime::the().get_stats();
  CHECK(balanced(s));
  CHECK(s.samples_queued == 0);
  CHECK(s.samples_produced > 100);
  CHECK(s.samples_dropped + s.samples_uncertain + s.samples_exported == s.samples_produced - s.samples_open - s.lost.ring_full);
  later->settle(1'000, &delivery::sent);
  const stats again = pyro::collect::runtime::the().get_stats();
  CHECK(again.samples_exported == s.samples_exported);
  CHECK(again.samples_dropped == s.samples_dropped);
  CHECK(again.samples_uncertain == s.samples_uncertain);
  CHECK(again.own_cpu_ns == s.own_cpu_ns);
}

TEST_CASE("flush and stop hand their deadlines on: an exporter that waits until then does not hold them up") {
  auto later = std::make_shared<later_exporter>();  // nobody settles anything
  const message_list log;
  pyro::config c;
  c.stacks = "scopes";
  c.window = 3600s;
  c.sample_rate = 1000;
  c.exit_timeout = 1s;
  c.exporters = {later};
  c.log = log.callback();
  auto p = pyro::configure(c);
  leaf();
  // One that has nothing to wait for and all the time there is, also more than fits into nanoseconds.
  REQUIRE(p.flush(60s));
  CHECK(later->left_at_flush.load() > 50s);
  REQUIRE(p.flush(std::chrono::milliseconds::max()));
  CHECK(later->left_at_flush.load() > 1h);

  burn(50ms);
  auto begin = clock_type::now();
  CHECK_FALSE(p.flush(100ms));
  CHECK(clock_type::now() - begin >= 90ms);
  CHECK(clock_type::now() - begin < 3s);
  CHECK(later->left_at_flush.load() <= 100ms);  // not what the patient ones had
  CHECK(p.stats().samples_queued > 10);

  burn(10ms);
  begin = clock_type::now();
  p.stop();
  CHECK(clock_type::now() - begin >= 500ms);
  CHECK(clock_type::now() - begin < 3s);
  CHECK(later->left_at_flush.load() <= 1s);
  CHECK(later->left_at_flush.load() > 500ms);
  CHECK(log.count("exit_timeout") == 0);  // it was given a little less, so that the worker comes to its end
  const stats s = pyro::collect::runtime::the().get_stats();
  CHECK(balanced(s));
  CHECK(s.samples_queued == 0);
  CHECK(s.samples_dropped > 10);
}

TEST_CASE("flush without background threads hands its deadline on as well") {
  auto later = std::make_shared<later_exporter>();
  pyro::config c = pyro_test::counting_only();
  c.exit_timeout = 200ms;
  c.exporters = {later};
  auto p = pyro::configure(c);
  leaf();
  CHECK(p.flush(10s));
  CHECK(later->left_at_flush.load() > 9s);
  CHECK(later->left_at_flush.load() <= 10s);
  CHECK(p.flush(std::chrono::milliseconds::max()));
  CHECK(p.flush(-1s));
  CHECK(later->left_at_flush.load() < 0s);
}

TEST_CASE("flushes from several threads, patient and not: each is back in its time") {
  auto later = std::make_shared<later_exporter>();
  std::atomic<bool> prompt{false};
  later->after_taken = [&] {
    if (prompt) later->settle(1'000'000, &delivery::sent);
  };
  pyro::config c;
  c.stacks = "scopes";
  c.window = 3600s;
  c.sample_rate = 1000;
  c.exit_timeout = 100ms;
  c.exporters = {later};
  c.log = message_list().callback();
  auto p = pyro::configure(c);
  burn(20ms);
  std::vector<std::thread> threads;
  std::atomic<int> late{0}, delivered{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        const auto begin = clock_type::now();
        const auto timeout = std::chrono::milliseconds(50 + 40 * t);
        if (p.flush(timeout)) ++delivered;
        if (clock_type::now() - begin > timeout + 2s) ++late;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(late == 0);
  CHECK(delivered == 0);
  prompt = true;  // this thread has used CPU time since
  later->settle(1'000'000, &delivery::sent);
  CHECK(p.flush(10s));
}

TEST_CASE("what profiling cost is of this run alone, and never negative") {
  for (int run = 0; run < 3; ++run) {
    auto memory = std::make_shared<pyro_test::memory_exporter>();
    auto later = std::make_shared<later_exporter>();
    later->cpu = 5'000'000'000;  // from before
    pyro::config c;
    c.stacks = "scopes";
    c.window = 3600s;
    c.exporters = {memory, later};
    c.log = message_list().callback();
    auto p = pyro::configure(c);
    leaf();
    CHECK(p.stats().own_cpu_ns < 1'000'000'000);
    later->cpu += 2'000'000'000;
    CHECK(p.stats().own_cpu_ns >= 2'000'000'000);
    REQUIRE(p.flush(10s));
    p.stop();
    REQUIRE(!memory->windows().empty());
    CHECK(memory->windows()[0].cost.cpu_ns >= 2'000'000'000);
    CHECK(memory->windows()[0].cost.cpu_ns < 4'000'000'000);
  }
}

}  // namespace exports_test
