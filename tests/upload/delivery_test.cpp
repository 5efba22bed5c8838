// What is delivered, when, how fast and in which order.
#include "fixture.hpp"

using namespace pyro_test;

namespace {

/// Names that do not compress.
pyro::profile noisy_window(std::size_t rows, std::uint32_t seed) {
  std::mt19937 random(seed);
  profile_maker m;
  m.get().time_ns = wall_ns();
  for (std::size_t i = 0; i < rows; ++i) {
    std::string name;
    for (int k = 0; k < 300; ++k) name += static_cast<char>('a' + random() % 26);
    m.row({name}, {}, 1, 1);
  }
  return m.get();
}

}  // namespace

TEST_CASE("headers of a push") {
  const bool plain = GENERATE(false, true);
  messages log;
  faulty_server server;
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.tenant_id = "rides";
  c.http_headers = {{"X-Team", "dispatch"}, {"X-Stage", "test"}};
  std::string authorization, encoding = "gzip";
  SECTION("basic authentication") {
    c.basic_auth_user = "jane";
    c.basic_auth_password = "open:sesame";
    authorization = "Basic amFuZTpvcGVuOnNlc2FtZQ==";
  }
  SECTION("of the URL") {
    c.server_address = "http://jane:open%3asesame@" + server.authority();
    authorization = "Basic amFuZTpvcGVuOnNlc2FtZQ==";
  }
  SECTION("a token wins") {
    c.basic_auth_user = "jane";
    c.auth_token = "abc.def";
    authorization = "Bearer abc.def";
  }
  SECTION("none") {}
  if (plain) encoding = "";
  const auto pusher = [&] {
    const auto made = make_pusher(c);
    if (!plain) {
      made->export_profile(window_of(10, 20));
      return made;
    }
    const uncompressed without;
    made->export_profile(window_of(10, 20));
    return made;
  }();
  REQUIRE(pusher->flush(steady::now() + milliseconds(2000)));
  const received r = server.requests().at(0);
  CHECK(r.field("content-type") == "application/proto");
  CHECK(r.field("user-agent") == "pyro/" PYRO_VERSION);
  CHECK(r.field("connect-protocol-version") == "1");
  CHECK(r.field("content-encoding") == encoding);
  CHECK(r.field("content-length") == std::to_string(r.body.size()));
  CHECK(r.field("host") == server.authority());
  CHECK(r.field("authorization") == authorization);
  CHECK(r.field("x-scope-orgid") == "rides");
  CHECK(r.field("x-team") == "dispatch");
  CHECK(r.field("x-stage") == "test");
  CHECK(r.field("connection") == "close");
  CHECK(r.samples == 10);
}

TEST_CASE("the queue is bounded in bytes: the oldest go, the rest arrives in order") {
  messages log;
  faulty_server server;
  server.down();
  pyro::config c = settings(server.url(), log);
  c.upload_queue_bytes = 64 << 10;
  const auto pusher = make_pusher(c);
  constexpr std::uint64_t windows = 20;
  std::uint64_t given = 0;
  for (std::uint64_t i = 0; i < windows; ++i) {
    pyro::profile p = noisy_window(40, static_cast<std::uint32_t>(i));  // some 9 KB compressed
    for (std::size_t row = 0; row < p.samples.size(); ++row) p.values[row * 3 + 1] = static_cast<std::int64_t>(i + 1);
    given += 40 * (i + 1);
    pusher->export_profile(p);
  }
  pyro::delivery d = report(*pusher);
  CHECK(d.dropped > 0);
  CHECK(d.dropped + d.queued == given);
  CHECK(log.count("the queue of pushes is full (upload_queue_bytes, 64 KiB): the oldest profiles are dropped") == 1);
  server.script({reply(200)});
  server.up();
  CHECK_FALSE(pusher->flush(steady::now() + milliseconds(5000)));  // some were lost
  d = report(*pusher);
  CHECK(d.sent + d.dropped == given);
  const auto requests = server.requests();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    bytes += requests[i].body.size();
    CHECK(requests[i].samples == 40 * (windows - requests.size() + i + 1));
  }
  CHECK(bytes <= 64 << 10);
  CHECK(bytes > 48 << 10);
  CHECK(pusher->flush(steady::now() + milliseconds(100)));  // and now nothing more
}

TEST_CASE("a server that is down for a while loses nothing that the queue could hold") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.window = milliseconds(100);
  pyro::profiler p = pyro::configure(c);
  work();
  REQUIRE(p.flush(milliseconds(3000)));
  server.down();
  const std::uint64_t before = p.stats().samples_exported;
  for (int i = 0; i < 5; ++i) work(60);
  REQUIRE(wait_until([&] { return p.stats().samples_queued > 0; }));
  CHECK(log.wait_for("cannot be reached (server_address)"));
  server.up();
  CHECK(p.flush(milliseconds(5000)));
  const pyro::stats s = p.stats();
  check_sum(s);
  CHECK(s.samples_exported > before);
  CHECK(s.samples_dropped + s.samples_uncertain + s.samples_queued == 0);
  CHECK(s.samples_exported == server.samples());
  CHECK(log.count("cannot be reached") == 1);
  CHECK(log.count("arrive again") == 1);
}

TEST_CASE("a dead server is tried now and then, not all the time") {
  messages log;
  faulty_server server;
  server.script({reset(at::connect)});
  pyro::config c = settings(server.url(), log);
  c.window = milliseconds(100);
  c.exit_timeout = milliseconds(100);
  pyro::profiler p = pyro::configure(c);
  for (const auto begin = steady::now(); since(begin) < milliseconds(3000);) {
    work(20);
    std::this_thread::sleep_for(milliseconds(50));
  }
  CHECK(server.connections().size() >= 2);
  CHECK(server.connections().size() <= 15);  // 30 windows; delays of 0 to 1, 2, 4 s
  check_sum(p.stats());
  CHECK(p.stats().samples_queued > 0);
}

TEST_CASE("pushes begin at a random moment of upload_jitter, flush does not wait for it") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_jitter = milliseconds(800);
  std::vector<std::shared_ptr<pyro::exporter>> fleet;
  const auto begin = steady::now();
  for (int i = 0; i < 12; ++i) {
    fleet.push_back(make_pusher(c));
    fleet.back()->export_profile(window_of(10, 20));
  }
  REQUIRE(server.wait_for_requests(12));
  const auto times = server.connections();
  CHECK(times.back() - begin < milliseconds(850) + margin);
  CHECK(times.back() - times.front() > milliseconds(250));  // of twelve all within 250 of 800 ms: once in 100,000
  c.upload_jitter = milliseconds(60000);
  const auto patient = make_pusher(c);
  patient->export_profile(window_of(10, 20));
  const auto now = steady::now();
  CHECK(patient->flush(now + milliseconds(5000)));
  CHECK(since(now) < margin);
}

TEST_CASE("large windows go in parts, at a pace that the server's limit allows") {
  const uncompressed sizes_are_known;
  messages log;
  faulty_server server("127.0.0.1", false);
  server.script({[](connection& c) {
                   // The first one is held up on its way: the server counts it late, and the next one soon after.
                   if (c.pause(milliseconds(500)) && c.read_request()) c.answer(200);
                 },
                 reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_timeout = milliseconds(5000);
  c.upload_queue_bytes = 64 << 20;
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(15000, 450));
  CHECK(pusher->flush(steady::now() + milliseconds(8000)));
  CHECK(report(*pusher).sent == 15000);
  const auto requests = server.requests();
  REQUIRE(requests.size() > 3);
  // The server's bucket: 4 MB/s, bursts of 2 MB.
  double level = 2e6;
  std::size_t all = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const received& r = requests[i];
    CHECK(r.raw_bytes <= 2'000'000);
    if (i > 0) level = std::min(2e6, level + std::chrono::duration<double>(r.end - requests[i - 1].end).count() * 4e6);
    level -= static_cast<double>(r.raw_bytes);
    CHECK(level >= 0);
    all += r.raw_bytes;
  }
  CHECK(all > 6'000'000);
}

TEST_CASE("a part has at most 16,000 samples") {
  messages log;
  faulty_server server("127.0.0.1", false);
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_timeout = milliseconds(5000);
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(40000, 8, 3));
  CHECK(pusher->flush(steady::now() + milliseconds(8000)));
  std::size_t rows = 0;
  for (const received& r : server.requests()) {
    CHECK(r.rows <= 16000);
    rows += r.rows;
  }
  CHECK(rows == 40000);
  CHECK(report(*pusher).sent == 120000);
  CHECK(server.samples() == 120000);
}

TEST_CASE("a window that has become too old is dropped, with a word") {
  messages log;
  faulty_server server;
  server.script({reply(503), reply(200)});
  const auto pusher = make_pusher(settings(server.url(), log));
  pyro::profile old = window_of(10, 20);
  old.time_ns -= std::int64_t{3601} * 1'000'000'000;
  pusher->export_profile(old);
  CHECK_FALSE(pusher->flush(steady::now() + milliseconds(3000)));
  CHECK(report(*pusher).dropped == 10);
  CHECK(log.count("profiles older than an hour are dropped") == 1);
  pusher->export_profile(window_of(20, 20));
  CHECK(pusher->flush(steady::now() + milliseconds(3000)));
  CHECK(report(*pusher).sent == 20);
  CHECK(server.samples() == 20);
}

TEST_CASE("two exporters to two servers, of which one is away") {
  messages log;
  faulty_server good, bad;
  good.script({reply(200)});
  bad.down();
  pyro::config c = settings(bad.url(), log);
  pyro::config second = settings(good.url(), log);
  // The last window: its jitter is not over, and its server must not wait for the other one.
  second.upload_jitter = milliseconds(60000);
  second.window = std::chrono::minutes(2);
  c.exit_timeout += margin;
  const bool bad_first = GENERATE(true, false);
  if (bad_first) std::swap(c.server_address, second.server_address), std::swap(c.upload_jitter, second.upload_jitter);
  const auto pusher = make_pusher(second);
  c.exporters = {pusher};
  {
    pyro::profiler p = pyro::configure(c);
    work();
    CHECK_FALSE(p.flush(milliseconds(600)));
    const pyro::stats s = p.stats();
    check_sum(s);
    CHECK(s.samples_queued > 0);
    CHECK(s.samples_exported == 0);
    CHECK(good.requests().size() == 1);
    work();
    const auto begin = steady::now();
    p.stop();
    CHECK(since(begin) < c.exit_timeout + margin);
  }
  CHECK(good.requests().size() == 2);
  CHECK(log.count(bad.url()) == 1);
}
