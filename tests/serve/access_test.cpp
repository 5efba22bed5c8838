// Who may: addresses, tokens, names that pretend; and settings that can't be followed.
#include "fixture.hpp"

using namespace pyro_test;

TEST_CASE("with a token nobody is served without") {
  pyro::config c;
  c.serve_token = "s3cr&t";
  served s(c);
  REQUIRE(s.port != 0);
  for (const char* target : {"/", "/debug/pprof/", "/debug/pprof/profile?seconds=1", "/debug/pprof/cmdline", "/debug/pprof/symbol", "/nothing", "/?token=", "/?token=s3cr&t"}) {
    CAPTURE(target);
    const answer a = get(s.port, target);
    CHECK(a.status == 401);
    CHECK(a.field("WWW-Authenticate").find("Bearer") == 0);
    CHECK(a.body.find("s3cr") == std::string::npos);
  }
  CHECK(get(s.port, "/debug/pprof/", "Authorization: Bearer s3cr&t\r\n").status == 200);
  CHECK(get(s.port, "/debug/pprof/", "Authorization: Bearer s3cr&T\r\n").status == 401);
  CHECK(get(s.port, "/debug/pprof/profile?seconds=1", "Authorization: Bearer s3cr&t\r\n").status == 200);
  const answer index = get(s.port, "/debug/pprof/?token=s3cr%26t");
  CHECK(index.status == 200);
  CHECK(index.body.find("profile?seconds=30&amp;token=s3cr%26t") != std::string::npos);  // its links work as well
  CHECK(get(s.port, "/debug/pprof/", "Authorization: Bearer s3cr&t\r\n").body.find("s3cr") == std::string::npos);
  CHECK(s.log.all().find("s3cr") == std::string::npos);
  {
    client named(s.port);  // a token is proof enough
    named.send("GET /debug/pprof/ HTTP/1.1\r\nHost: my-service.internal\r\nAuthorization: Bearer s3cr&t\r\n\r\n");
    CHECK(named.read().status == 200);
  }
}

TEST_CASE("without a token no name is served, and no script of another site's") {
  served s;
  REQUIRE(s.port != 0);
  const auto with = [&](const std::string& host, const std::string& fields = "") {
    client c(s.port);
    c.send("GET /debug/pprof/ HTTP/1.1\r\nHost: " + host + "\r\n" + fields + "\r\n");
    return c.read().status;
  };
  CHECK(with("localhost:6060") == 200);
  CHECK(with("[::1]:6060") == 200);
  CHECK(with("rebound.evil.example") == 403);
  CHECK(with("rebound.evil.example:6060") == 403);
  CHECK(with("") == 403);
  CHECK(with("localhost", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n") == 403);
  CHECK(with("localhost", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n") == 200);
}

TEST_CASE("other machines are served with a token, or where that is said to be wanted") {
  const auto trial = [](const char* token, bool without) {
    pyro::config c;
    c.serve_address = "0.0.0.0:0";
    c.serve_token = token;
    c.serve_without_token = without;
    return std::make_unique<served>(c);
  };
  {
    const auto refused = trial("", false);
    CHECK(refused->port == 0);
    CHECK(static_cast<bool>(refused->profiler));  // it profiles all the same
    CHECK(refused->log.count("serve_token (PYRO_SERVE_TOKEN)") == 1);
    CHECK(open_sockets() == 0);
  }
  {
    const auto with_token = trial("x", false);
    REQUIRE(with_token->port != 0);
    CHECK(get(with_token->port, "/").status == 401);
    CHECK(get(with_token->port, "/?token=x").status == 200);
  }
  const auto open = trial("", true);
  REQUIRE(open->port != 0);
  client named(open->port);
  named.send("GET / HTTP/1.1\r\nHost: my-service.internal\r\n\r\n");
  CHECK(named.read().status == 200);
}

TEST_CASE("a port that is taken is said once, with the setting's name, and the program goes on") {
  const int taken = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(taken, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(taken, 1) == 0);
  socklen_t size = sizeof at;
  ::getsockname(taken, reinterpret_cast<sockaddr*>(&at), &size);
  pyro::config c;
  c.serve_address = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  c.window = milliseconds(100);
  served s(c);
  CHECK(s.port == 0);
  CHECK(static_cast<bool>(s.profiler));
  for (int i = 0; i < 3; ++i) {
    PYRO_SCOPE("goes_on");
    spend_cpu(30);
    s.profiler.flush();
  }
  INFO(s.log.all());
  CHECK(s.log.count("serve_address (PYRO_SERVE)") == 1);
  CHECK(s.log.count("error: serve_address (PYRO_SERVE), '" + c.serve_address + "': it cannot be listened on: Address already in use") == 1);
  CHECK(s.profiler.stats().samples_dropped == 0);
  ::close(taken);
}

TEST_CASE("what is no address is said, and so is a token that cannot be used") {
  {
    pyro::config c;
    c.serve_address = "example.org:80";
    served s(c);
    CHECK(s.port == 0);
    CHECK(s.log.count("example.org:80") == 1);
  }
  {
    pyro::config c;
    c.background = false;
    served s(c);
    CHECK(s.port == 0);
    CHECK(s.log.count("it needs background") == 1);
  }
  pyro::config c;
  c.serve_token = "two\nlines";
  served s(c);
  CHECK(s.port == 0);
  CHECK(open_sockets() == 0);
  CHECK(s.log.count("there is no live view") == 1);
  CHECK(s.log.count("lines") == 0);
}
