// The program around it: never waits for a server; stops, exits, forks and executes in time.
#include "certificates.hpp"
#include "fixture.hpp"
#include "resolver.hpp"

using namespace pyro_test;

namespace {

process::variables environment(const std::string& address, const char* window = "1h", const char* upload_timeout = "5s") {
  return {{"PYRO_SERVER_ADDRESS", address}, {"PYRO_CONNECT_TIMEOUT", "300ms"}, {"PYRO_UPLOAD_TIMEOUT", upload_timeout},
          {"PYRO_EXIT_TIMEOUT", "500ms"},   {"PYRO_WINDOW", window},           {"PYRO_APPLICATION_NAME", "faulty"}, {"PYRO_STACKS", "scopes"}};
}

/// A scenario, and how long it took from where it says that it is ending.
outcome run(const std::string& scenario, const process::variables& v, milliseconds& ending) {
  process p({this_program(), "scenario", scenario}, v);
  REQUIRE(p.wait_for_text("ending"));
  const auto begin = steady::now();
  outcome o = p.wait();
  ending = since(begin);
  return o;
}

enum class fault { refused, black_hole, deaf, reset, slow, hanging_name };

std::string with_fault(fault f, faulty_server& server) {
  switch (f) {
    case fault::refused: server.down(); break;
    case fault::black_hole: server.script({black_hole()}); break;
    case fault::deaf: server.script({deaf()}); break;
    case fault::reset: server.script({reset(at::end)}); break;
    case fault::slow: server.script({slow_answer(milliseconds(50))}); break;
    case fault::hanging_name: return "http://hang.test:4040";
  }
  return server.url();
}

}  // namespace

TEST_CASE("threads of the program never wait; flush and stop keep their time") {
  const fault f = GENERATE(fault::refused, fault::black_hole, fault::deaf, fault::reset, fault::slow, fault::hanging_name);
  CAPTURE(static_cast<int>(f));
  messages log;
  faulty_server server;
  pyro::config c = settings(with_fault(f, server), log);
  c.window = milliseconds(100);
  pyro::profiler p = pyro::configure(c);
  std::atomic<bool> end{false};
  std::atomic<long> waits{-1}, rounds{0};
  std::atomic<std::int64_t> longest{0};
  std::thread app([&] {
    rusage before{}, after{};
    for (int round = 0; !end; ++round) {
      if (round == 1000) ::getrusage(RUSAGE_THREAD, &before);
      const auto begin = steady::now();
      for (int i = 0; i < 100; ++i) {
        PYRO_SCOPE("request");
        PYRO_TAG("vehicle", i % 3);
        PYRO_SCOPE("inner");
      }
      if (const auto took = since(begin).count(); round >= 1000 && took > longest) longest = took;
      rounds = round;
    }
    ::getrusage(RUSAGE_THREAD, &after);
    waits = after.ru_nvcsw - before.ru_nvcsw;
  });
  CHECK(wait_until([&] { return rounds > 1000 && p.stats().samples_queued + p.stats().samples_uncertain > 0; }));
  const auto begin = steady::now();
  CHECK_FALSE(p.flush(milliseconds(400)));
  CHECK(since(begin) < milliseconds(400) + margin);
  check_sum(p.stats());
  const auto stopping = steady::now();
  p.stop();
  CHECK(since(stopping) < milliseconds(500) + margin);
  end = true;
  app.join();
  CHECK(waits <= 3);  // times that it gave its processor away by itself; three for the odd lock
  CHECK(longest < 200);
  if (f == fault::hanging_name) release_resolver();
}

TEST_CASE("what stop could not deliver is counted and said") {
  messages log;
  faulty_server server;
  const bool away = GENERATE(true, false);
  if (away) server.down();
  else server.script({black_hole()});
  pyro::config c = settings("", log);
  pyro::config own = settings(server.url(), log);
  own.upload_timeout = milliseconds(5000);
  const auto pusher = make_pusher(own);
  c.exporters = {pusher};
  pyro::profiler p = pyro::configure(c);
  work();
  const auto begin = steady::now();
  p.stop();
  CHECK(since(begin) < milliseconds(500) + margin);
  const pyro::delivery d = report(*pusher);
  CHECK(d.sent + d.queued == 0);
  CHECK((away ? d.dropped : d.uncertain) > 0);
  CHECK((away ? d.uncertain : d.dropped) == 0);
  CHECK(log.count("could not be delivered before the end (exit_timeout)") == (away ? 1 : 0));
  CHECK(log.count("not sent twice") == (away ? 0 : 1));
  CHECK(server.requests().size() == (away ? 0 : 1));
}

TEST_CASE("an exporter can be destroyed at any moment of a push") {
  const temporary_directory directory;
  authority ca(directory);
  messages log;
  faulty_server server;
  server.use_tls(server_context(ca.issue("server", "IP:127.0.0.1")));
  server.script({black_hole()});
  pyro::config c = settings(server.url(), log);
  c.tls_ca_file = ca.file();
  c.upload_timeout = milliseconds(5000);
  for (int i = 0; i < 30; ++i) {
    auto pusher = make_pusher(c);
    pusher->export_profile(window_of(10, 20));
    std::this_thread::sleep_for(std::chrono::microseconds(i * 200));  // any moment
    const auto begin = steady::now();
    pusher->finish();
    CHECK(since(begin) < margin);
    const pyro::delivery d = report(*pusher);
    CHECK(d.dropped + d.uncertain == 10);
  }
}

TEST_CASE("exit and the destructor keep exit_timeout") {
  const fault f = GENERATE(fault::refused, fault::black_hole, fault::slow, fault::hanging_name);
  const std::string scenario = GENERATE("exit", "destructor", "exit_under_way");
  CAPTURE(static_cast<int>(f), scenario);
  faulty_server server;
  milliseconds ending{0};
  const outcome o = run(scenario, environment(with_fault(f, server)), ending);
  CAPTURE(o.text());
  CHECK(o.exited(0));
  CHECK(ending < milliseconds(500) + margin);
  CHECK(o.err.find("pyroscope: ") != std::string::npos);
}

TEST_CASE("exit while another thread waits in a long flush, over TLS") {
  const bool away = GENERATE(true, false);
  CAPTURE(away);
  const temporary_directory directory;
  authority ca(directory);
  faulty_server server;
  server.use_tls(server_context(ca.issue("server", "IP:127.0.0.1")));
  server.script({black_hole()});
  if (away) server.down();
  for (int i = 0; i < 4; ++i) {
    auto v = environment(server.url());
    v.emplace_back("PYRO_TLS_CA_FILE", ca.file());
    milliseconds ending{0};
    const outcome o = run("exit_in_flush", v, ending);
    CAPTURE(o.text());
    CHECK(o.exited(0));
    CHECK(ending < milliseconds(1500) + margin);
  }
}

TEST_CASE("exit delivers the last window") {
  faulty_server server;
  server.script({reply(200)});
  milliseconds ending{0};
  SECTION("at once") {
    const outcome o = run("exit", environment(server.url()), ending);
    CAPTURE(o.text());
    CHECK(o.exited(0));
    CHECK(o.err.empty());
    CHECK(server.samples("parent_work") > 0);
  }
  SECTION("over TLS, long after the first: OpenSSL cleans up at exit, and must do so later") {
    const temporary_directory directory;
    authority ca(directory);
    faulty_server secure;
    secure.use_tls(server_context(ca.issue("server", "IP:127.0.0.1")));
    secure.script({reply(200)});
    auto v = environment(secure.url(), "100ms");
    v.emplace_back("PYRO_TLS_CA_FILE", ca.file());
    const outcome o = run("exit_late", v, ending);
    CAPTURE(o.text());
    CHECK(o.exited(0));
    CHECK(o.err.empty());
    CHECK(secure.samples("late_work") > 0);
  }
  CHECK(ending < milliseconds(400) + margin);
}

TEST_CASE("fork while a push is under way: each process sends its own, once") {
  faulty_server server;
  server.script({reply_after(server, 2), reply(200)});
  process p({this_program(), "scenario", "fork"}, environment(server.url()));
  REQUIRE(server.wait_for_requests(1));
  p.signal(SIGUSR1);
  const outcome o = p.wait();
  CAPTURE(o.text());
  CHECK(o.exited(0));
  CHECK(o.err.empty());
  const auto number = [&o](const std::string& after) { return std::strtoull(o.out.c_str() + o.out.find(after) + after.size(), nullptr, 10); };
  CHECK(number("child ") < 30 + 400 + static_cast<unsigned long long>(margin.count()));
  CHECK(number("lost ") == 0);
  CHECK(server.samples("child_work") > 0);
  const auto requests = server.requests();
  std::size_t with_parent = 0, with_child = 0;
  for (const received& r : requests) {
    with_parent += r.functions.count("parent_work");
    with_child += r.functions.count("child_work");
    CHECK(r.functions.count("parent_work") + r.functions.count("child_work") < 2);
  }
  CHECK(with_parent == 1);
  CHECK(with_child == 1);
  CHECK(number("exported ") == requests.at(0).samples);
}

TEST_CASE("exec while a push is under way: the new program has none of its descriptors") {
  faulty_server server;
  server.script({black_hole()});
  process p({this_program(), "scenario", "exec"}, environment(server.url()));
  REQUIRE(server.wait_for_requests(1));
  p.signal(SIGUSR1);
  const outcome o = p.wait();
  CHECK(o.exited(0));
  CHECK(o.out == "no descriptors\n");
}

TEST_CASE("between pushes no descriptor is open") {
  const fault f = GENERATE(fault::refused, fault::black_hole, fault::reset);
  faulty_server server;
  const outcome o = run_self({"scenario", "descriptors"}, environment(with_fault(f, server), "1h", "200ms"));
  CAPTURE(o.text());
  CHECK(o.exited(0));
  CHECK(o.out == "no descriptors\n");
}

TEST_CASE("a second run after the first") {
  messages log;
  faulty_server first, second;
  first.script({reply(200)});
  second.script({reply(200)});
  for (faulty_server* server : {&first, &second, &first}) {
    pyro::profiler p = pyro::configure(settings(server->url(), log));
    REQUIRE(p);
    const std::uint64_t before = server->samples();
    work();
    REQUIRE(p.flush(milliseconds(3000)));
    const pyro::stats s = p.stats();
    check_sum(s);
    CHECK(s.samples_exported == server->samples() - before);
    CHECK(s.samples_exported > 0);
    p.stop();
  }
  CHECK(log.all().empty());
}

TEST_CASE("without an uploader what is for the server counts as dropped") {
  const auto before = pyro::detail::uploader_slot.exchange(nullptr);
  messages log;
  {
    pyro::profiler p = pyro::configure(settings("http://127.0.0.1:1", log));
    work();
    CHECK_FALSE(p.flush(milliseconds(1000)));
    const pyro::stats s = p.stats();
    check_sum(s);
    CHECK(s.samples_dropped > 0);
    CHECK(s.samples_exported == 0);
    CHECK(log.count("#include <pyro/export/pyroscope.hpp>") == 1);
  }
  pyro::detail::uploader_slot.store(before);
}

TEST_CASE("an address that is none") {
  messages log;
  pyro::profiler p = pyro::configure(settings("ftp://jane:s3cret@127.0.0.1", log));
  work();
  CHECK_FALSE(p.flush(milliseconds(1000)));
  CHECK(p.stats().samples_dropped > 0);
  CHECK(log.count("server_address: not the address of a server") == 1);
  CHECK(log.count("s3cret") == 0);
}

TEST_CASE("started from the environment, included in either order") {
  const std::string program = GENERATE(UPLOAD_AUTO_FIRST, UPLOAD_AUTO_LAST);
  CAPTURE(program);
  faulty_server server;
  server.script({reply(200)});
  const outcome o = process({program}, {{"PYROSCOPE_SERVER_ADDRESS", server.url()}, {"PYRO_SAMPLE_RATE", "1000"}, {"PYRO_STACKS", "scopes"}}).wait();
  CAPTURE(o.text());
  CHECK(o.exited(0));
  CHECK(o.err.empty());
  CHECK(server.samples("auto_work") > 0);
  CHECK(server.requests().at(0).field("content-encoding").empty());
}

TEST_CASE("https without TLS is told, and nothing else happens") {
  const outcome o = process({UPLOAD_AUTO_FIRST}, {{"PYROSCOPE_SERVER_ADDRESS", "https://127.0.0.1:1"}}).wait();
  CAPTURE(o.text());
  CHECK(o.exited(0));
  CHECK(o.err == "pyro: error: server_address: https needs #include <pyro/export/tls.hpp> beside pyro/export/pyroscope.hpp, and OpenSSL "
                 "(-lssl -lcrypto); profiles are not pushed\n");
}
