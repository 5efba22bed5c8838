// What an answer, or its absence, means: for the ledger, for the user, for the next attempt.
#include "fixture.hpp"

using namespace pyro_test;

namespace {

struct one_push {
  bool flushed = false;
  pyro::stats stats;
  std::vector<received> requests;
  std::uint64_t arrived = 0;  ///< in the server's words
  milliseconds took{0};
};

/// A window, flushed; and looked at before the profiler stops.
one_push push_once(faulty_server& server, messages& log, milliseconds timeout = milliseconds(4000), const std::string& prefix = "") {
  pyro::profiler p = pyro::configure(settings(server.url() + prefix, log));
  REQUIRE(p);
  work();
  for (int more = 0; more < 10 && p.stats().samples_produced == 0; ++more) work();  // a busy machine's timers, and sanitizers, may come late
  one_push out;
  const auto begin = steady::now();
  out.flushed = p.flush(timeout);
  out.took = since(begin);
  out.stats = p.stats();
  out.requests = server.requests();
  out.arrived = server.samples();
  check_sum(out.stats);
  CHECK(out.stats.samples_produced > 0);
  return out;
}

}  // namespace

TEST_CASE("a push that is taken") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  const one_push push = push_once(server, log);
  CHECK(push.flushed);
  CHECK(push.stats.samples_exported > 0);
  CHECK(push.stats.samples_queued + push.stats.samples_dropped + push.stats.samples_uncertain == 0);
  CHECK(push.stats.samples_exported == push.arrived);
  REQUIRE(push.requests.size() == 1);
  CHECK(push.requests[0].method == "POST");
  CHECK(push.requests[0].target == "/push.v1.PusherService/Push");
  CHECK(push.requests[0].labels.at("service_name") == "faulty");
  CHECK(log.all().empty());
}

TEST_CASE("answers that are tried again, and arrive once") {
  const unsigned status = GENERATE(429U, 502U, 503U, 504U);
  CAPTURE(status);
  messages log;
  faulty_server server;
  server.script({reply(status, "", R"({"code":"unavailable","message":"not now"})"), reply(200)});
  const one_push push = push_once(server, log);
  CHECK(push.flushed);
  CHECK(push.stats.samples_exported == push.arrived);
  CHECK(push.stats.samples_exported > 0);
  REQUIRE(push.requests.size() == 2);
  CHECK(push.requests[0].body == push.requests[1].body);
  CHECK(log.count(server.url() + " answers " + std::to_string(status)) == 1);
  CHECK(log.count("not now") == 1);
  CHECK(log.count("upload_queue_bytes") == 1);
  CHECK(log.count("pushes to " + server.url() + " arrive again, after 1 failure") == 1);
}

TEST_CASE("answers that leave it uncertain are not tried again") {
  const unsigned status = GENERATE(500U, 501U, 408U);
  CAPTURE(status);
  messages log;
  faulty_server server;
  server.script({reply(status), reply(200)});
  const one_push push = push_once(server, log, milliseconds(1000));
  CHECK_FALSE(push.flushed);
  CHECK(push.took < milliseconds(600) + margin);  // nothing is left to be sent
  CHECK(push.stats.samples_uncertain > 0);
  CHECK(push.stats.samples_uncertain == push.requests[0].samples);
  CHECK(push.stats.samples_exported + push.stats.samples_queued + push.stats.samples_dropped == 0);
  CHECK(push.requests.size() == 1);
  CHECK(log.count(server.url() + " answers " + std::to_string(status)) == 1);
  CHECK(log.count("uncertain, it is not sent twice") == 1);
}

TEST_CASE("answers that refuse: the profile is dropped, with advice") {
  struct refusal {
    unsigned status;
    const char* advice;
  };
  const refusal r = GENERATE(refusal{400, ""}, refusal{401, "auth_token"}, refusal{403, "tenant_id"}, refusal{404, "path prefix"}, refusal{413, "limit"},
                             refusal{415, "Content-Type"}, refusal{422, ""}, refusal{302, "server_address"}, refusal{308, "server_address"}, refusal{304, ""});
  CAPTURE(r.status);
  messages log;
  faulty_server server;
  server.script({reply(r.status, "Location: https://elsewhere.test/\r\nRetry-After: 1\r\n", r.status == 304 ? "" : "because of this"), reply(200)});
  const one_push push = push_once(server, log, milliseconds(1000));
  CHECK_FALSE(push.flushed);
  CHECK(push.took < milliseconds(500) + margin);
  CHECK(push.stats.samples_dropped > 0);
  CHECK(push.stats.samples_exported + push.stats.samples_queued + push.stats.samples_uncertain == 0);
  CHECK(push.requests.size() == 1);
  CHECK(log.count(server.url() + " answers " + std::to_string(r.status)) == 1);
  if (*r.advice != '\0') CHECK(log.count(r.advice) == 1);
  if (r.status != 304) CHECK(log.count("because of this") == 1);
  if (r.status / 100 == 3) CHECK(log.count("https://elsewhere.test/") == 1);
}

TEST_CASE("a refusal is said once, and that it is over") {
  messages log;
  faulty_server server;
  server.script({reply(401), reply(401), reply(200)});
  pyro::profiler p = pyro::configure(settings(server.url(), log));
  for (int i = 0; i < 3; ++i) {
    work();
    CHECK(p.flush(milliseconds(2000)) == (i == 2));
  }
  CHECK(log.count("answers 401") == 1);
  CHECK(log.count("arrive again") == 1);
  CHECK(log.count("0 failures") == 0);
  const pyro::stats s = p.stats();
  check_sum(s);
  CHECK(s.samples_exported == server.samples());
  CHECK(s.samples_dropped == server.requests()[0].samples + server.requests()[1].samples);
}

TEST_CASE("Retry-After in seconds and as a date") {
  const bool as_date = GENERATE(false, true);
  CAPTURE(as_date);
  std::string value = "1";
  if (as_date) {  // two to three seconds from now: dates have whole seconds
    char text[64];
    const std::time_t then = std::time(nullptr) + 3;
    std::tm parts{};
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", ::gmtime_r(&then, &parts));
    value = text;
  }
  messages log;
  faulty_server server;
  server.script({reply(as_date ? 503 : 429, "Retry-After: " + value + "\r\n"), reply(200)});
  const one_push push = push_once(server, log, milliseconds(8000));
  CHECK(push.flushed);
  REQUIRE(push.requests.size() == 2);
  const auto waited = push.requests[1].begin - push.requests[0].end;
  CHECK(waited >= milliseconds(as_date ? 1900 : 990));
  CHECK(waited < milliseconds(as_date ? 3300 : 1300) + margin);
  CHECK(push.stats.samples_exported == push.arrived);
}

TEST_CASE("a Retry-After that says nothing of use is left aside") {
  const char* value = GENERATE("soon", "-5", "Sun, 06 Nov 1994 08:49:37 GMT", "");
  CAPTURE(value);
  messages log;
  faulty_server server;
  server.script({reply(503, std::string("Retry-After: ") + value + "\r\n"), reply(200)});
  const one_push push = push_once(server, log);
  CHECK(push.flushed);
  CHECK(push.requests.size() == 2);
}

TEST_CASE("a server that breaks off before, in and after the request") {
  const uncompressed sizes_are_known;
  const at where = GENERATE(at::connect, at::body, at::end);
  CAPTURE(static_cast<int>(where));
  messages log;
  faulty_server server;
  server.script({reset(where), reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_timeout = milliseconds(5000);
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(3000, 500, 2));
  const bool flushed = pusher->flush(steady::now() + milliseconds(5000));
  const pyro::delivery d = report(*pusher);
  CHECK(d.queued + d.dropped == 0);
  if (where == at::end) {
    CHECK_FALSE(flushed);
    CHECK(d.uncertain == 6000);
    CHECK(server.requests().size() == 1);
    CHECK(log.count(server.url() + " has not answered") == 1);
    CHECK(log.count("not sent twice") == 1);
  } else {
    CHECK(flushed);
    CHECK(d.sent == 6000);
    CHECK(server.samples() == 6000);
    CHECK(log.count("sending to it") + log.count("connecting to it") == 1);
    CHECK(log.count("connecting to it") <= (where == at::connect ? 1 : 0));
    CHECK(log.count("arrive again") == 1);
    CHECK(server.requests().size() == (where == at::body ? 2 : 1));
  }
}

TEST_CASE("an answer before the body is read") {
  const uncompressed sizes_are_known;
  const unsigned status = GENERATE(413U, 401U, 503U);
  const bool closes = GENERATE(true, false);
  CAPTURE(status, closes);
  messages log;
  faulty_server server;
  server.script({closes ? early(status, "", "too large") : early_and_deaf(status), reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_timeout = milliseconds(3000);
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(3000, 500));
  const auto begin = steady::now();
  const bool flushed = pusher->flush(steady::now() + milliseconds(4000));
  CHECK(since(begin) < milliseconds(1400) + margin);
  const pyro::delivery d = report(*pusher);
  CHECK(d.uncertain + d.queued == 0);
  CHECK(d.dropped == (status == 503 ? 0U : 3000U));
  CHECK(server.samples() == (status == 503 ? 3000U : 0U));
  CHECK(flushed == (status == 503));
  CHECK(server.requests().size() == (status == 503 ? 2 : 1));
  CHECK(log.count("answers " + std::to_string(status)) == 1);
}

TEST_CASE("an early success is one") {
  const uncompressed sizes_are_known;
  messages log;
  faulty_server server;
  server.script({early(200)});
  const auto pusher = make_pusher(settings(server.url(), log));
  pusher->export_profile(window_of(3000, 500));
  CHECK(pusher->flush(steady::now() + milliseconds(4000)));
  CHECK(report(*pusher).sent == 3000);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("answers that are none") {
  struct nonsense {
    const char* what;
    act how;
  };
  const auto n = GENERATE(nonsense{"garbage", raw_answer("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\r\n")}, nonsense{"nothing", raw_answer("")},
                          nonsense{"half a status line", raw_answer("HTTP/1.1 20")}, nonsense{"a header without end", endless("HTTP/1.1 200 OK\r\n", "X-Field: 0123456789\r\n")},
                          nonsense{"a line without end", endless("HTTP/1.1 200 OK\r\nX: ", "0123456789")},
                          nonsense{"a bad field", raw_answer("HTTP/1.1 200 OK\r\nbad field\x01\r\n\r\n")});
  CAPTURE(n.what);
  messages log;
  faulty_server server;
  server.script({n.how, reply(200)});
  const one_push push = push_once(server, log, milliseconds(2000));
  CHECK_FALSE(push.flushed);
  CHECK(push.took < milliseconds(700) + margin);
  CHECK(push.stats.samples_uncertain > 0);
  CHECK(push.stats.samples_exported + push.stats.samples_queued + push.stats.samples_dropped == 0);
  CHECK(push.requests.size() == 1);
  CHECK(log.count(server.url() + " has not answered: waiting for its answer: ") == 1);
}

TEST_CASE("answers with more than is wanted") {
  struct oddity {
    const char* what;
    act how;
    bool taken;
  };
  const auto o = GENERATE(
      oddity{"a body without end", endless("HTTP/1.1 200 OK\r\n\r\n", std::string(10000, 'x')), true},
      oddity{"a huge body", raw_answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + std::string(200000, 'x')), true},
      oddity{"an answer cut off", raw_answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), true},
      oddity{"an interim answer", raw_answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), true},
      oddity{"no content", raw_answer("HTTP/1.1 204 No Content\r\n\r\n"), true},
      oddity{"an old server", raw_answer("HTTP/1.0 200 OK\r\n\r\n{}"), true},
      oddity{"in chunks", raw_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), true},
      oddity{"a huge refusal", raw_answer("HTTP/1.1 400 Bad\r\nContent-Length: 1000000000\r\n\r\n" + std::string(200000, 'x')), false});
  CAPTURE(o.what);
  messages log;
  faulty_server server;
  server.script({o.how});
  const one_push push = push_once(server, log, milliseconds(2000));
  CHECK(push.flushed == o.taken);
  CHECK((o.taken ? push.stats.samples_exported : push.stats.samples_dropped) == push.requests.at(0).samples);
  CHECK(push.requests.size() == 1);
  CHECK(log.all().size() < 1000);
  CHECK(log.all().empty() == o.taken);
}

TEST_CASE("what a server says is for people: one line, no binary, no secret") {
  messages log;
  faulty_server server;
  server.script({reply(400, "Content-Encoding: gzip\r\n", pyro::gzip(R"({"message":"compressed"})")), reply(422, "", "two\nlines\x1b[31m of red"),
                 [](connection& c) {
                   if (c.read_request()) c.answer(401, "", "you sent " + c.request()->field("authorization"));
                 }});
  pyro::config c = settings(server.url(), log);
  c.auth_token = "sesame-open";
  pyro::profiler p = pyro::configure(c);
  for (int i = 0; i < 3; ++i) {
    work();
    CHECK_FALSE(p.flush(milliseconds(2000)));
  }
  CHECK(log.count("answers 400") == 1);
  CHECK(log.count("answers 422") == 1);
  CHECK(log.count("answers 401") == 1);
  for (const char byte : log.all()) CHECK((static_cast<unsigned char>(byte) >= 0x20 || byte == '\n'));
  CHECK(log.all().find("\x1f\x8b") == std::string::npos);
  CHECK(log.all().find("two\nlines") == std::string::npos);
  CHECK(log.all().find("sesame") == std::string::npos);
}

TEST_CASE("a prefix of the path") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  CHECK(push_once(server, log, milliseconds(2000), "/team/pyroscope/").flushed);
  CHECK(server.requests().at(0).target == "/team/pyroscope/push.v1.PusherService/Push");
}
