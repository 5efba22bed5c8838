// Clients that harm nobody, though they try: bad requests, slow ones, many, those that go away.
#include "fixture.hpp"

#include <pyro/encode/gzip.hpp>

#include <atomic>
#include <random>

using namespace pyro_test;

namespace {

bool still_serves(int port) { return get(port, "/debug/pprof/").status == 200; }

}  // namespace

TEST_CASE("bad requests get an answer that says so, or none") {
  const impatient now;
  served s;
  REQUIRE(s.port != 0);
  struct bad {
    std::string bytes;
    int status;
  };
  const std::string long_text(100'000, 'x');
  const std::string host = "Host: 127.0.0.1\r\n";
  const bad list[] = {
      {"\r\n\r\n", 400},
      {"hello\r\n\r\n", 400},
      {"GET\r\n\r\n", 400},
      {"GET / HTTP/9.9\r\n" + host + "\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 400},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400},  // TLS
      {std::string("GET /\0 HTTP/1.1\r\n", 17) + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n" + host + host + "\r\n", 400},
      {"GET / HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: 127.0.0.1\n\n", 400},
      {"GET / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400},
      {"POST /debug/pprof/symbol HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n", 400},
      {"POST /debug/pprof/symbol HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999\r\n\r\n", 400},
      {"POST /debug/pprof/symbol HTTP/1.1\r\n" + host + "Content-Length: 100000\r\n\r\n" + long_text, 413},
      {"POST /debug/pprof/symbol HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /debug/pprof/symbol HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n" + long_text, 413},
      {"GET / HTTP/1.1\r\n" + host + "X: " + long_text + "\r\n\r\n", 431},
      {"GET /" + long_text + " HTTP/1.1\r\n" + host + "\r\n", 431},
      {"GET / HTTP/1.1\r\n" + host + [] { std::string many; for (int i = 0; i < 3000; ++i) many += "a:b\r\n"; return many; }() + "\r\n", 431},
      {"GET /debug/pprof/profile?seconds=99999999999999999999 HTTP/1.1\r\n" + host + "\r\n", 400},
      {"GET /../../etc/passwd HTTP/1.1\r\n" + host + "\r\n", 404},
      {"GET /debug/pprof/../cmdline HTTP/1.1\r\n" + host + "\r\n", 404},
      {"GET //debug/pprof/ HTTP/1.1\r\n" + host + "\r\n", 404},
      {"GET http://evil.example/ HTTP/1.1\r\n" + host + "\r\n", 404},
      {"CONNECT evil.example:443 HTTP/1.1\r\n" + host + "\r\n", 405},
      {"GET /%00%ff<script> HTTP/1.1\r\n" + host + "\r\n", 404},
  };
  for (const bad& b : list) {
    CAPTURE(b.bytes.substr(0, 120));
    client c(s.port);
    REQUIRE(c.connected());
    c.send(b.bytes);
    const answer a = c.read(milliseconds(1500) + margin + milliseconds(1000));
    CHECK(a.status == b.status);
    CHECK(a.closed);
    CHECK_FALSE(a.reset);
    CHECK(a.body.find("script") == std::string::npos);
  }
  CHECK(still_serves(s.port));
}

TEST_CASE("random bytes, and requests that are cut off or changed anywhere") {
  const impatient now;
  served s;
  REQUIRE(s.port != 0);
  std::mt19937 random(42);
  const std::string good = "GET /debug/pprof/cmdline?token=x&seconds=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer x\r\nAccept: */*\r\n\r\n";
  for (int i = 0; i < 400; ++i) {
    std::string bytes = good;
    if (i % 4 == 0) {
      bytes.resize(random() % 300);
      for (char& c : bytes) c = static_cast<char>(random());
    } else if (i % 4 == 1) {
      bytes.resize(random() % bytes.size());
    } else {
      for (unsigned k = 0; k <= random() % 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    client c(s.port);
    c.send(bytes);
    c.end_of_sending();
    const answer a = c.read(milliseconds(1500) + margin + milliseconds(1000));
    CAPTURE(i, bytes);
    CHECK(a.closed);
  }
  CHECK(still_serves(s.port));
}

TEST_CASE("slow senders hold no place longer than a request may take") {
  const impatient now;
  served s;
  REQUIRE(s.port != 0);
  std::vector<client> slow;
  for (int i = 0; i < 16; ++i) {
    slow.emplace_back(s.port);
    slow.back().send(i % 3 == 0 ? "" : i % 3 == 1 ? "GET / HT" : "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ");
  }
  std::this_thread::sleep_for(milliseconds(100));
  const answer refused = get(s.port, "/");
  CHECK(refused.status == 503);
  CHECK(refused.field("Retry-After") == "1");
  const auto begin = steady::now();
  std::atomic<bool> end{false};
  std::thread drip([&] {  // a byte at a time does not prolong it
    while (!end) {
      for (client& c : slow) c.send("x");
      std::this_thread::sleep_for(milliseconds(100));
    }
  });
  CHECK(wait_until([&] { return still_serves(s.port); }));
  CHECK(since(begin) < milliseconds(1500) + margin);
  end = true;
  drip.join();
}

TEST_CASE("200 clients at once: some are served, the others are told so, and nothing is left of them") {
  served s;
  REQUIRE(s.port != 0);
  REQUIRE(still_serves(s.port));
  CHECK(wait_until([&] { return open_sockets() == 1; }));
  std::atomic<int> served_count{0}, refused{0}, other{0};
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> clients;
    for (int i = 0; i < 200; ++i)
      clients.emplace_back([&, i] {
        client c(s.port);
        if (i % 7 == 0) return c.drop();
        c.send("GET " + std::string(i % 2 == 0 ? "/" : "/debug/pprof/") + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        if (i % 11 == 0) return c.drop();
        const answer a = c.read();
        ++(a.status == 200 ? served_count : a.status == 503 ? refused : other);
      });
    for (std::thread& t : clients) t.join();
  }
  INFO("served " << served_count << " refused " << refused << " other " << other);
  CHECK(served_count >= 16);
  CHECK(other < 200);  // their connection has ended, which is an answer too
  CHECK(wait_until([&] { return still_serves(s.port); }));
  CHECK(wait_until([&] { return open_sockets() == 1; }));  // the one that listens
}

TEST_CASE("slow readers are cut off when an answer has taken as long as it may") {
  const impatient now(30000);  // so many names take a sanitizer a while
  const auto compressor = pyro::detail::compressor_slot.exchange(nullptr);
  pyro::config c;
  c.engine = "none";
  c.stacks = "scopes";
  c.exit_timeout = milliseconds(30000);
  c.max_memory = std::size_t{256} << 20;
  c.max_tag_values = 100000;
  c.max_tag_length = 1024;
  served s(c);
  REQUIRE(s.port != 0);
  std::vector<client> slow;
  for (int i = 0; i < 4; ++i) {
    slow.emplace_back(s.port, 2048);
    slow.back().send("GET /debug/pprof/profile?seconds=1&calls=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
  }
  std::this_thread::sleep_for(milliseconds(300));
  for (int i = 0; i < 12000; ++i) {
    PYRO_TAG("long", std::to_string(i) + std::string(1000, 'x'));
    PYRO_SCOPE("many");
  }
  // Until theirs alone are open, at this end; meanwhile others are served.
  CHECK(wait_until([&] { return still_serves(s.port) && open_sockets() == 1 + slow.size(); }, milliseconds(60000)));
  const answer a = slow[0].read();
  CHECK(a.closed);
  CHECK(std::strtoull(a.field("Content-Length").c_str(), nullptr, 10) > 8'000'000);
  CHECK(a.body.size() < 8'000'000);
  pyro::detail::compressor_slot = compressor;
  // One that reads, however many are slow, has it whole.
  std::thread many([] {
    std::this_thread::sleep_for(milliseconds(300));
    PYRO_SCOPE("many");
  });
  const answer whole = get(s.port, "/debug/pprof/profile?seconds=1&calls=1");
  many.join();
  CHECK(whole.field("Content-Length") == std::to_string(whole.body.size()));
}

TEST_CASE("connections that only open and close cost nothing") {
  served s;
  REQUIRE(s.port != 0);
  for (int i = 0; i < 300; ++i) {
    client c(s.port);
    if (i % 2 == 0) c.drop();
    else if (i % 3 == 0) c.end_of_sending();
  }
  CHECK(wait_until([&] { return still_serves(s.port); }));
  CHECK(wait_until([&] { return open_sockets() == 1; }));
}
