// The way to the server: what does not answer, names, TLS, proxies, other address families.
#include "certificates.hpp"
#include "fixture.hpp"
#include "resolver.hpp"

#include <fcntl.h>

using namespace pyro_test;

namespace {

/// One window, flushed.
struct exchange {
  bool flushed = false;
  milliseconds took{0};
  pyro::delivery ledger;
};

exchange push(const pyro::config& c, milliseconds timeout = milliseconds(3000)) {
  const auto pusher = make_pusher(c);
  REQUIRE(pusher->export_profile(window_of(10, 20)).ok);
  exchange out;
  const auto begin = steady::now();
  out.flushed = pusher->flush(begin + timeout);
  out.took = since(begin);
  out.ledger = report(*pusher);
  CHECK(out.ledger.sent + out.ledger.queued + out.ledger.dropped + out.ledger.uncertain == 10);
  return out;
}

/// A listening socket that nobody accepts from, its queue full: who connects waits.
class full_backlog {
 public:
  full_backlog() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    fds_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::bind(fds_[0], reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fds_[0], 0) != 0) std::abort();
    ::getsockname(fds_[0], reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    for (bool hangs = false; !hangs;) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      fds_.push_back(fd);
      ::connect(fd, reinterpret_cast<sockaddr*>(&address), size);
      pollfd connected{fd, POLLOUT, 0};
      hangs = ::poll(&connected, 1, 50) == 0;
    }
  }
  ~full_backlog() {
    for (const int fd : fds_) ::close(fd);
  }
  full_backlog(const full_backlog&) = delete;
  full_backlog& operator=(const full_backlog&) = delete;
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::vector<int> fds_;
  unsigned port_ = 0;
};

}  // namespace

TEST_CASE("a port where nobody listens: kept, and told which setting") {
  messages log;
  faulty_server server;
  server.down();
  const exchange e = push(settings(server.url(), log), milliseconds(400));
  CHECK_FALSE(e.flushed);
  CHECK(e.took >= milliseconds(390));
  CHECK(e.took < milliseconds(400) + margin);
  CHECK(e.ledger.queued == 10);
  CHECK(log.count(server.url() + " cannot be reached (server_address): connecting to it: Connection refused") == 1);
}

TEST_CASE("a server whose queue of connections is full") {
  messages log;
  const full_backlog server;
  const exchange e = push(settings(server.url(), log), milliseconds(500));
  CHECK_FALSE(e.flushed);
  CHECK(e.ledger.queued == 10);
  CHECK(log.count(server.url() + " cannot be reached (server_address): connecting to it: it took too long (connect_timeout)") == 1);
}

TEST_CASE("a server that accepts and never answers") {
  messages log;
  faulty_server server;
  server.script({black_hole(), reply(200)});
  const exchange e = push(settings(server.url(), log), milliseconds(2000));
  CHECK_FALSE(e.flushed);
  CHECK(e.took >= milliseconds(590));
  CHECK(e.took < milliseconds(600) + margin);
  CHECK(e.ledger.uncertain == 10);
  CHECK(server.requests().size() == 1);
  CHECK(log.count(server.url() + " has not answered: waiting for its answer: it took too long (upload_timeout)") == 1);
}

TEST_CASE("a server that answers a byte at a time") {
  messages log;
  faulty_server server;
  server.script({slow_answer(milliseconds(20))});
  const exchange e = push(settings(server.url(), log), milliseconds(2000));
  CHECK(e.took < milliseconds(600) + margin);
  CHECK(e.ledger.uncertain == 10);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("a server that reads a byte at a time, or nothing") {
  const uncompressed sizes_are_known;
  const bool nothing = GENERATE(false, true);
  messages log;
  faulty_server server;
  server.script({nothing ? deaf() : slow_reading(milliseconds(10)), reply(200)});
  pyro::config c = settings(server.url(), log);
  c.upload_timeout += margin;  // the second time it must come through
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(3000, 500));
  CHECK(pusher->flush(steady::now() + milliseconds(4000) + 4 * margin));
  CHECK(log.count("has not answered: sending to it: it took too long (upload_timeout)") == 1);
  CHECK(report(*pusher).sent == 3000);
  CHECK(server.samples() == 3000);
}

TEST_CASE("a name that does not exist") {
  messages log;
  const exchange e = push(settings("http://nowhere.invalid:4040", log), milliseconds(500));
  CHECK_FALSE(e.flushed);
  CHECK(e.ledger.queued == 10);
  CHECK(log.count("http://nowhere.invalid:4040 cannot be reached (server_address): ") == 1);
  CHECK(log.count("its name") == 1);
}

TEST_CASE("a resolver that hangs") {
  messages log;
  {
    const auto pusher = make_pusher(settings("http://hang.test:4040", log));
    pusher->export_profile(window_of(10, 20));
    CHECK_FALSE(pusher->flush(steady::now() + milliseconds(1500)));
    CHECK(log.count("http://hang.test:4040 cannot be reached (server_address): the look-up of its name takes too long (connect_timeout)") == 1);
    CHECK(hanging_lookups() == 1);  // more attempts, not more threads
    CHECK(report(*pusher).queued == 10);
    const auto begin = steady::now();
    pusher->finish();
    CHECK(since(begin) < margin);
    CHECK(report(*pusher).dropped == 10);
    CHECK(log.count("10 samples could not be delivered before the end (exit_timeout)") == 1);
  }
  release_resolver();
}

TEST_CASE("a host with two addresses, of which one refuses") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  CHECK(push(settings("http://two.test:" + std::to_string(server.port()), log)).flushed);
  CHECK(server.samples() == 10);
  CHECK(log.all().empty());
}

TEST_CASE("IPv6") {
  messages log;
  faulty_server server("::1");
  server.script({reply(200)});
  CHECK(push(settings(server.url(), log)).flushed);
  CHECK(server.requests().at(0).field("host") == server.authority());
  CHECK(server.samples() == 10);
}

TEST_CASE("a Unix socket, before and after it is there") {
  messages log;
  const temporary_directory directory;
  faulty_server server(directory / "pyroscope.sock");
  server.script({reply(200)});
  CHECK(push(settings(server.url(), log)).flushed);
  CHECK(server.requests().at(0).target == "/push.v1.PusherService/Push");
  CHECK(server.samples() == 10);
  server.down();
  const exchange e = push(settings(server.url(), log), milliseconds(300));
  CHECK(e.ledger.queued == 10);
  CHECK(log.count(server.url() + " cannot be reached (server_address): connecting to it: Connection refused") == 1);
  messages second;
  CHECK(push(settings("unix:" + directory.path() + "/nowhere.sock", second), milliseconds(300)).ledger.queued == 10);
  CHECK(second.count("No such file or directory") == 1);
}

// ---- TLS ----------------------------------------------------------------------------------------------------------------------

TEST_CASE("https with an authority of one's own") {
  const temporary_directory directory;
  authority ca(directory);
  messages log;
  faulty_server server;
  server.use_tls(server_context(ca.issue("server", "DNS:pyroscope.test,IP:127.0.0.1")));
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.tls_ca_file = ca.file();
  CHECK(push(c).flushed);
  c.server_address = "https://pyroscope.test:" + std::to_string(server.port());
  CHECK(push(c).flushed);
  CHECK(server.samples() == 20);
  CHECK(log.all().empty());
}

TEST_CASE("certificates that must not be trusted: nothing is sent") {
  const temporary_directory directory;
  authority ca(directory);
  messages log;
  faulty_server server;
  pyro::config c;
  std::string word;
  SECTION("of an unknown authority") {
    server.use_tls(server_context(ca.issue("server", "IP:127.0.0.1")));
    c = settings(server.url(), log);
    word = "tls_ca_file";
  }
  SECTION("for another name") {
    server.use_tls(server_context(ca.issue("server", "DNS:elsewhere.test")));
    c = settings("https://pyroscope.test:" + std::to_string(server.port()), log);
    c.tls_ca_file = ca.file();
    word = "its certificate is not for pyroscope.test";
  }
  SECTION("for another address") {
    server.use_tls(server_context(ca.issue("server", "IP:127.0.0.2")));
    c = settings(server.url(), log);
    c.tls_ca_file = ca.file();
    word = "its certificate is not for 127.0.0.1";
  }
  SECTION("expired") {
    server.use_tls(server_context(ca.issue("server", "IP:127.0.0.1", -3, -2)));
    c = settings(server.url(), log);
    c.tls_ca_file = ca.file();
    word = "certificate has expired";
  }
  server.script({reply(200)});
  const exchange e = push(c, milliseconds(400));
  CHECK_FALSE(e.flushed);
  CHECK(e.ledger.queued == 10);
  CHECK(server.requests().empty());
  CAPTURE(log.all());
  CHECK(log.count("cannot be reached (server_address): agreeing on TLS with it: ") == 1);
  CHECK(log.count(word) == 1);
}

TEST_CASE("https to a server that speaks http, or hangs before it has agreed") {
  const bool hangs = GENERATE(false, true);
  messages log;
  faulty_server server;
  server.script({hangs ? deaf() : [](connection& c) {
                   std::string hello;
                   c.read(hello);
                   c.write("HTTP/1.1 400 Bad Request\r\n\r\n");
                 }});
  const exchange e = push(settings("https://" + server.authority(), log), milliseconds(1000));
  CHECK_FALSE(e.flushed);
  CHECK(e.ledger.queued == 10);
  CHECK(log.count("https://" + server.authority() + " cannot be reached (server_address): agreeing on TLS with it: ") == 1);
  CHECK(log.count("connect_timeout") == (hangs ? 1 : 0));
}

TEST_CASE("a server that wants a client certificate") {
  const temporary_directory directory;
  authority ca(directory);
  messages log;
  faulty_server server;
  server.use_tls(server_context(ca.issue("server", "IP:127.0.0.1"), ca.file()));
  server.script({reply(200)});
  pyro::config c = settings(server.url(), log);
  c.tls_ca_file = ca.file();

  SECTION("there is none") {
    const exchange e = push(c, milliseconds(400));
    CHECK(e.ledger.queued == 10);  // it was refused, so it has not arrived
    CHECK(log.count("tls_certificate_file") == 1);
    CHECK(server.requests().empty());
  }
  SECTION("it is there, its key in a file of its own or in the same") {
    const identity own = ca.issue("client", "DNS:client.test");
    c.tls_certificate_file = own.certificate;
    c.tls_key_file = own.key;
    CHECK(push(c).flushed);
    CHECK(server.samples() == 10);
  }
  SECTION("it has run out, and is renewed in its place") {
    const identity own = ca.issue("client", "DNS:client.test", -3, -2);
    c.tls_certificate_file = own.certificate;
    c.tls_key_file = own.key;
    const auto pusher = make_pusher(c);
    pusher->export_profile(window_of(10, 20));
    CHECK_FALSE(pusher->flush(steady::now() + milliseconds(300)));
    CHECK(report(*pusher).queued == 10);
    ca.issue("client", "DNS:client.test");
    CHECK(pusher->flush(steady::now() + milliseconds(4000)));
    CHECK(server.samples() == 10);
    CHECK(log.count("arrive again") == 1);
  }
  SECTION("its file is not there yet") {
    c.tls_certificate_file = directory / "late.pem";
    c.tls_key_file = directory / "late.key";
    const auto pusher = make_pusher(c);
    pusher->export_profile(window_of(10, 20));
    CHECK_FALSE(pusher->flush(steady::now() + milliseconds(300)));
    CHECK(log.count("tls_certificate_file: cannot use \"" + c.tls_certificate_file + "\"") == 1);
    ca.issue("late", "DNS:client.test");
    CHECK(pusher->flush(steady::now() + milliseconds(4000)));
    CHECK(server.samples() == 10);
  }
}

// ---- proxies ------------------------------------------------------------------------------------------------------------------

TEST_CASE("a proxy for http gets the absolute form") {
  faulty_server proxy;
  proxy.script({reply(200)});
  const variable v("http_proxy", "http://jane:s3cret%21@" + proxy.authority());
  messages log;
  CHECK(push(settings("http://pyroscope.test:4040/prefix", log)).flushed);
  const received r = proxy.requests().at(0);
  CHECK(r.target == "http://pyroscope.test:4040/prefix/push.v1.PusherService/Push");
  CHECK(r.field("host") == "pyroscope.test:4040");
  CHECK(r.field("proxy-authorization") == "Basic amFuZTpzM2NyZXQh");
  CHECK(proxy.samples() == 10);
}

TEST_CASE("no_proxy, and hosts of this machine, go past the proxy") {
  faulty_server proxy, server;
  proxy.script({reply(200)});
  server.script({reply(200)});
  const variable v("http_proxy", proxy.authority());
  messages log;
  CHECK(push(settings(server.url(), log)).flushed);
  {
    const variable list("no_proxy", "other.test, .pyroscope.test");
    CHECK(push(settings("http://pyroscope.test:" + std::to_string(server.port()), log)).flushed);
  }
  CHECK(server.samples() == 20);
  CHECK(proxy.requests().empty());
  CHECK(push(settings("http://pyroscope.test:" + std::to_string(server.port()), log)).flushed);
  CHECK(proxy.samples() == 10);
}

TEST_CASE("a proxy makes a tunnel for https") {
  const temporary_directory directory;
  authority ca(directory);
  messages log;
  faulty_server proxy, server;
  server.use_tls(server_context(ca.issue("server", "DNS:pyroscope.test")));
  server.script({reply(200)});
  proxy.script({tunnel(server.port())});
  const variable v("https_proxy", "http://jane:s3cret@" + proxy.authority());
  pyro::config c = settings("https://pyroscope.test", log);
  c.tls_ca_file = ca.file();
  c.auth_token = "sesame";
  CHECK(push(c).flushed);
  const received r = proxy.requests().at(0);
  CHECK(r.method == "CONNECT");
  CHECK(r.target == "pyroscope.test:443");
  CHECK(r.field("proxy-authorization") == "Basic amFuZTpzM2NyZXQ=");
  CHECK(r.field("authorization").empty());
  CHECK(server.requests().at(0).field("proxy-authorization").empty());
  CHECK(server.requests().at(0).field("authorization") == "Bearer sesame");
  CHECK(server.samples() == 10);
}

TEST_CASE("proxies that refuse, hang or are away: the message names them") {
  faulty_server proxy;
  messages log;
  const variable v("https_proxy", "http://jane:s3cret@" + proxy.authority());
  const variable w("http_proxy", "http://jane:s3cret@" + proxy.authority());
  SECTION("a tunnel is refused") {
    proxy.script({early(407)});
    CHECK(push(settings("https://pyroscope.test", log), milliseconds(300)).ledger.queued == 10);
    CHECK(log.count("407") == 1);
  }
  SECTION("it never answers") {
    proxy.script({black_hole()});
    CHECK(push(settings("https://pyroscope.test", log), milliseconds(600)).ledger.queued == 10);
    CHECK(log.count("connect_timeout") == 1);
  }
  SECTION("it is away, for https") {
    proxy.down();
    CHECK(push(settings("https://pyroscope.test", log), milliseconds(300)).ledger.queued == 10);
    CHECK(log.count("https_proxy") == 1);
  }
  SECTION("it is away, for http") {
    proxy.down();
    CHECK(push(settings("http://pyroscope.test", log), milliseconds(300)).ledger.queued == 10);
    CHECK(log.count("(http_proxy)") == 1);
  }
  SECTION("it wants another password, for http") {
    proxy.script({reply(407)});
    CHECK(push(settings("http://pyroscope.test", log), milliseconds(1000)).ledger.dropped == 10);
    CHECK(log.count("(http_proxy)") == 1);
    CHECK(log.count("407") == 1);
  }
  CHECK(log.count("pyroscope.test") == 1);
  if (log.count("407") == 0 || log.count("tunnel") != 0) CHECK(log.count(proxy.authority()) == 1);
  CHECK(log.count("s3cret") == 0);
}

TEST_CASE("a name whose look-up takes longer than connect_timeout is found all the same") {
  messages log;
  faulty_server server;
  server.script({reply(200)});
  const std::string url = server.url();
  pyro::config c = settings("http://slow.test" + url.substr(url.rfind(':')), log);  // 450 ms for 300
  const auto pusher = make_pusher(c);
  pusher->export_profile(window_of(10, 20));
  CHECK(pusher->flush(steady::now() + milliseconds(8000)));
  CHECK(report(*pusher).sent == 10);
  CHECK(log.count("takes too long") == 1);
  CHECK(log.count("arrive again") == 1);
}
