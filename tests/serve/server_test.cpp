// The live view over real sockets: pages, profiles whose sums are the program's own CPU time, and the other exporters, which must not notice.
#include "fixture.hpp"

#include "../integration/rows.hpp"

#include <atomic>
#include <mutex>

using namespace pyro_test;

namespace {

/// Windows as any exporter gets them.
class window_list : public pyro::exporter {
 public:
  struct one {
    std::int64_t time_ns, duration_ns, samples;
  };
  const char* name() const noexcept override { return "windows"; }
  pyro::export_result export_profile(const pyro::profile& w) override {
    const std::lock_guard<std::mutex> hold(mutex_);
    list_.push_back({w.time_ns, w.duration_ns, w.total(1)});
    return pyro::export_result::success();
  }
  std::vector<one> all() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return list_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<one> list_;
};

/// Does not return from its export until it is let go.
class stuck_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "stuck"; }
  pyro::export_result export_profile(const pyro::profile&) override {
    inside = true;
    for (int i = 0; i < 2000 && !let_go; ++i) std::this_thread::sleep_for(milliseconds(5));
    return pyro::export_result::success();
  }
  std::atomic<bool> inside{false}, let_go{false};
};

}  // namespace

TEST_CASE("pages and their fields") {
  served s;
  INFO(s.log.all());
  REQUIRE(s.port != 0);
  { PYRO_SCOPE("counted_scope"); }

  const answer index = get(s.port, "/debug/pprof/");
  CHECK(index.status == 200);
  CHECK(index.field("Content-Type") == "text/html; charset=utf-8");
  CHECK(index.body.find("profile?seconds=30") != std::string::npos);
  CHECK(index.body.find("served &lt;app&gt;") != std::string::npos);
  CHECK(index.body.find("<app>") == std::string::npos);
  CHECK(index.field("Content-Length") == std::to_string(index.body.size()));
  for (const char* field : {"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cache-Control", "Connection"}) CHECK_FALSE(index.field(field).empty());

  const answer report = get(s.port, "/");
  CHECK(report.status == 200);
  CHECK(report.field("Content-Type") == "text/html; charset=utf-8");
  CHECK(data_in_page(report.body).find("\"counted_scope\"") != std::string::npos);  // of the window that is still open

  const answer cmdline = get(s.port, "/debug/pprof/cmdline");
  CHECK(cmdline.status == 200);
  std::string own = read_whole("/proc/self/cmdline");
  own.pop_back();
  CHECK(cmdline.body == own);

  CHECK(get(s.port, "/debug/pprof/symbol").body == "num_symbols: 0\n");
  {
    client c(s.port);
    c.send("POST /debug/pprof/symbol HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 11\r\n\r\n0x1234+0x56");
    CHECK(c.read().body == "num_symbols: 0\n");
  }
  const answer moved = get(s.port, "/debug/pprof?x=1");
  CHECK(moved.status == 301);
  CHECK(moved.field("Location") == "/debug/pprof/?x=1");
  for (const char* other : {"heap", "allocs", "block", "goroutine", "mutex"}) {  // Alloy asks for the last four too, unless told not to, and shows what it got
    CAPTURE(other);
    const answer none = get(s.port, "/debug/pprof/" + std::string(other));
    CHECK(none.status == 404);
    CHECK(none.body == "pyro takes CPU profiles: /debug/pprof/profile\n");
  }
  CHECK(get(s.port, "/favicon.ico").status == 404);
  CHECK(get(s.port, "/debug/pprof/profile?seconds=601").status == 400);

  for (const char* target : {"/", "/debug/pprof/", "/debug/pprof/profile?seconds=5", "/debug/pprof/cmdline"}) {
    client c(s.port);
    const auto begin = steady::now();
    c.send("HEAD " + std::string(target) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    const answer a = c.read();
    CHECK(a.status == 200);
    CHECK(a.body.empty());
    CHECK(a.closed);
    CHECK(since(begin) < milliseconds(2000) + margin);
  }
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    client c(s.port);
    c.send(std::string(method) + " / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    CHECK(c.read().status == 405);
  }
  {
    client old(s.port);
    old.send("GET /debug/pprof/ HTTP/1.0\r\n\r\n");
    CHECK(old.read().status == 200);
  }
  {
    client half(s.port);  // says that it has sent all
    half.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    half.end_of_sending();
    CHECK(half.read().status == 200);
  }
}

TEST_CASE("a profile of the next seconds is what the program spent in them") {
  pyro::config c;
  const auto windows = std::make_shared<window_list>();
  c.exporters = {windows};
  c.window = milliseconds(GENERATE(300, 3600000));
  served s(c);
  REQUIRE(s.port != 0);
  work_a(200);  // before: not in it
  answer a;
  std::int64_t began_ns = 0, spent_ms = 0, all_ms = 200;
  for (int attempt = 0; attempt < 5; ++attempt) {
    std::thread asks([&] { a = get(s.port, "/debug/pprof/profile?seconds=2"); });
    std::this_thread::sleep_for(milliseconds(400));
    began_ns = pyro::platform::wall_ns();
    const std::int64_t before = pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
    work_a(400);
    spent_ms = (pyro::platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) - before) / 1'000'000;
    const std::int64_t ended_ns = pyro::platform::wall_ns();
    all_ms += spent_ms;
    asks.join();
    REQUIRE(a.status == 200);
    const pprof_profile p = read_pprof(gunzip(a.body));
    if (p.time < began_ns && p.time + p.duration > ended_ns) break;  // else the machine is so busy that the client came late
  }
  work_a(200);  // after
  CHECK(a.field("Content-Type") == "application/octet-stream");
  CHECK(a.field("Content-Disposition") == "attachment; filename=\"profile\"");
  CHECK(a.field("Content-Encoding").empty());
  const read_profile p(a.body);
  CHECK(p.types == "samples/count cpu/nanoseconds ");
  CHECK(p.duration_ns >= 2'000'000'000);
  CHECK(p.duration_ns < 2'000'000'000 + std::chrono::nanoseconds(margin).count());
  const auto found = p.samples_below.find("work_a");
  REQUIRE(found != p.samples_below.end());
  if (!PYRO_TEST_TSAN && !PYRO_TEST_ASAN) {
    CHECK(found->second * 10 >= spent_ms - 20);  // an expiry each 10 ms, looked at on the kernel's tick, the first at random
    CHECK(found->second * 10 <= spent_ms + 20);
    CHECK(p.cpu_ns == p.samples * 10'000'000);
  }
  s.profiler.stop();

  // The other exporter has the same windows as without a client: nothing twice, nothing lost, no window that the cuts made.
  std::int64_t all = 0;
  for (const auto& w : windows->all()) all += w.samples;
  if (!PYRO_TEST_TSAN && !PYRO_TEST_ASAN) CHECK(all * 10 >= all_ms + 200 - 30);
  if (c.window == milliseconds(300)) {
    const auto list = windows->all();
    const std::int64_t first = list.front().time_ns / 300'000'000, last = (list.back().time_ns + list.back().duration_ns) / 300'000'000;
    CHECK(static_cast<std::int64_t>(list.size()) <= last - first + 1);  // one a boundary of the clock at most, and the last
  } else {
    CHECK(windows->all().size() == 1);
  }
}

TEST_CASE("sums are those of the program, whoever asks in between") {
  pyro::config c;
  const auto windows = std::make_shared<window_list>();
  c.exporters = {windows};
  c.window = milliseconds(200);
  served s(c);
  REQUIRE(s.port != 0);
  std::atomic<bool> end{false};
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 3; ++i)
    clients.emplace_back([&, i] {
      while (!end) good += get(s.port, i == 0 ? "/" : "/debug/pprof/profile?seconds=1").status == 200;
    });
  for (int i = 0; i < 30; ++i) {
    work_a(50);
    PYRO_SCOPE("counted");
  }
  end = true;
  for (std::thread& t : clients) t.join();
  s.profiler.flush();
  const pyro::stats now = s.profiler.stats();
  CHECK(now.samples_produced == now.samples_exported + now.samples_queued + now.samples_dropped + now.samples_uncertain + now.samples_open + now.lost.ring_full);
  CHECK(now.samples_open < 20);
  CHECK(good > 3);
  std::int64_t all = 0;
  for (const auto& w : windows->all()) all += w.samples;
  CHECK(static_cast<std::uint64_t>(all) == now.samples_exported);
  if (!PYRO_TEST_TSAN && !PYRO_TEST_ASAN) CHECK(all >= 145);
}

TEST_CASE("exact calls where they are asked for, also when cuts fall between them") {
  pyro::config c;
  c.engine = "none";
  c.stacks = "scopes";
  const auto kept = std::make_shared<memory_exporter>();
  c.exporters = {kept};
  served s(c);
  REQUIRE(s.port != 0);
  answer a;
  std::thread asks([&] { a = get(s.port, "/debug/pprof/profile?seconds=1&calls=1"); });
  std::this_thread::sleep_for(milliseconds(300));
  for (int i = 0; i < 1234; ++i) PYRO_SCOPE("counted");
  asks.join();
  for (int i = 0; i < 1000; ++i) PYRO_SCOPE("counted");
  s.profiler.stop();
  const pprof_profile p = read_pprof(gunzip(a.body));
  REQUIRE(p.types.at(0).first == "calls");
  std::int64_t calls = 0;
  for (const pprof_sample& row : p.samples) calls += row.frames.at(0).name == "counted" ? row.values[0] : 0;
  CHECK(calls == 1234);
  CHECK(kept->windows().size() == 1);
  CHECK(kept->calls()["counted"] == 2234);
}

TEST_CASE("a client that goes away while it waits makes room for the next") {
  served s;
  REQUIRE(s.port != 0);
  std::vector<client> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(s.port);
    waiting.back().send("GET /debug/pprof/profile?seconds=600 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  }
  CHECK(wait_until([&] { return get(s.port, "/debug/pprof/profile?seconds=1").status == 503; }));  // there are as many as may be
  CHECK(get(s.port, "/").status == 200);
  for (std::size_t i = 0; i < waiting.size(); ++i) i % 2 == 0 ? waiting[i].end() : waiting[i].drop();
  CHECK(wait_until([&] { return get(s.port, "/debug/pprof/profile?seconds=1").status == 200; }));
}

TEST_CASE("a worker that is held up costs its clients an answer, not the program") {
  const impatient now;
  pyro::config c;
  const auto stuck = std::make_shared<stuck_exporter>();
  c.exporters = {stuck};
  c.window = milliseconds(100);
  c.exit_timeout = milliseconds(300);
  served s(c);
  REQUIRE(s.port != 0);
  std::thread worker([] { work_a(PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 500 : 150); });
  CHECK(wait_until([&] { return stuck->inside.load(); }));
  const auto begin = steady::now();
  const answer a = get(s.port, "/debug/pprof/profile?seconds=1");
  CHECK(a.status == 503);
  CHECK(a.body.find("exporter") != std::string::npos);
  CHECK(since(begin) < milliseconds(1500) + margin);
  CHECK(get(s.port, "/").status == 200);  // with what is known
  CHECK(get(s.port, "/debug/pprof/").status == 200);
  worker.join();
  stuck->let_go = true;
  CHECK(wait_until([&] { return get(s.port, "/debug/pprof/profile?seconds=1").status == 200; }));
}

TEST_CASE("stop does not wait for clients") {
  served s;
  REQUIRE(s.port != 0);
  std::vector<client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back(s.port);
    if (i % 2 == 0) clients.back().send("GET /debug/pprof/profile?seconds=600 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  }
  std::this_thread::sleep_for(milliseconds(100));
  const auto begin = steady::now();
  s.profiler.stop();
  CHECK(since(begin) < margin);
  for (client& c : clients) CHECK(c.read(milliseconds(2000)).closed);
  CHECK_FALSE(client(s.port).connected());
  served again;
  CHECK(again.port != 0);
  CHECK(get(again.port, "/").status == 200);
}
