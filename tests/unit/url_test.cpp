// Addresses of servers and proxies: every form, every error, and never a password in a message.
#include <pyro/export/url.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace url_test {

using pyro::detail::parse_url;
using pyro::detail::past_proxy;
using pyro::detail::percent_decode;
using pyro::detail::url;

namespace {

struct good {
  const char* text;
  const char* scheme;
  const char* user;
  const char* password;
  const char* host;
  const char* port;
  const char* path;
  const char* shown;
  const char* authority;
};

}  // namespace

TEST_CASE("url: every form") {
  for (const good& g : {
           good{"http://pyroscope", "http", "", "", "pyroscope", "80", "", "http://pyroscope", "pyroscope"},
           good{"http://pyroscope:4040", "http", "", "", "pyroscope", "4040", "", "http://pyroscope:4040", "pyroscope:4040"},
           good{"http://pyroscope:4040/", "http", "", "", "pyroscope", "4040", "", "http://pyroscope:4040", "pyroscope:4040"},
           good{"http://pyroscope/a/b", "http", "", "", "pyroscope", "80", "/a/b", "http://pyroscope/a/b", "pyroscope"},
           good{"http://pyroscope/a/b///", "http", "", "", "pyroscope", "80", "/a/b", "http://pyroscope/a/b", "pyroscope"},
           good{"http://pyroscope/a%20b", "http", "", "", "pyroscope", "80", "/a%20b", "http://pyroscope/a%20b", "pyroscope"},
           good{"http://pyroscope/a:b", "http", "", "", "pyroscope", "80", "/a:b", "http://pyroscope/a:b", "pyroscope"},
           good{"https://p.example.com", "https", "", "", "p.example.com", "443", "", "https://p.example.com", "p.example.com"},
           good{"https://p:443", "https", "", "", "p", "443", "", "https://p", "p"},
           good{"https://p:80", "https", "", "", "p", "80", "", "https://p:80", "p:80"},
           good{"http://p:80", "http", "", "", "p", "80", "", "http://p", "p"},
           good{"http://p:443", "http", "", "", "p", "443", "", "http://p:443", "p:443"},
           good{"HTTPS://P", "https", "", "", "P", "443", "", "https://P", "P"},
           good{"hTTp://p", "http", "", "", "p", "80", "", "http://p", "p"},
           good{"http://127.0.0.1:1", "http", "", "", "127.0.0.1", "1", "", "http://127.0.0.1:1", "127.0.0.1:1"},
           good{"http://p:65535", "http", "", "", "p", "65535", "", "http://p:65535", "p:65535"},
           good{"http://p:0080", "http", "", "", "p", "80", "", "http://p", "p"},
           good{"http://p:", "http", "", "", "p", "80", "", "http://p", "p"},
           good{"https://p:/x", "https", "", "", "p", "443", "/x", "https://p/x", "p"},
           good{"http://[::1]", "http", "", "", "::1", "80", "", "http://[::1]", "[::1]"},
           good{"http://[::1]:4040/x", "http", "", "", "::1", "4040", "/x", "http://[::1]:4040/x", "[::1]:4040"},
           good{"https://[2001:db8::7]:443", "https", "", "", "2001:db8::7", "443", "", "https://[2001:db8::7]", "[2001:db8::7]"},
           good{"http://[::1]:", "http", "", "", "::1", "80", "", "http://[::1]", "[::1]"},
           good{"https://me:secret@p/x", "https", "me", "secret", "p", "443", "/x", "https://p/x", "p"},
           good{"https://me@p", "https", "me", "", "p", "443", "", "https://p", "p"},
           good{"https://me:@p", "https", "me", "", "p", "443", "", "https://p", "p"},
           good{"https://:secret@p", "https", "", "secret", "p", "443", "", "https://p", "p"},
           good{"http://me:sec:ret@p:81", "http", "me", "sec:ret", "p", "81", "", "http://p:81", "p:81"},
           good{"http://me:secret@here@p", "http", "me", "secret@here", "p", "80", "", "http://p", "p"},
           good{"http://m%40e:s%3Ae%2fc%25@p", "http", "m@e", "s:e/c%", "p", "80", "", "http://p", "p"},
           good{"http://me:secret@[::1]:4040", "http", "me", "secret", "::1", "4040", "", "http://[::1]:4040", "[::1]:4040"},
           good{"unix:/run/pyroscope.sock", "unix", "", "", "/run/pyroscope.sock", "80", "", "unix:/run/pyroscope.sock", "/run/pyroscope.sock"},
           good{"unix:///run/pyroscope.sock", "unix", "", "", "/run/pyroscope.sock", "80", "", "unix:/run/pyroscope.sock", "/run/pyroscope.sock"},
           good{"unix:/run/a%20b", "unix", "", "", "/run/a b", "80", "", "unix:/run/a b", "/run/a b"},
       }) {
    INFO(g.text);
    const url u = parse_url(g.text);
    CHECK(u.error == "");
    CHECK(u.scheme == g.scheme);
    CHECK(u.user == g.user);
    CHECK(u.password == g.password);
    CHECK(u.host == g.host);
    CHECK(u.port == g.port);
    CHECK(u.path == g.path);
    CHECK(u.text() == g.shown);
    CHECK(u.authority() == g.authority);
  }
}

TEST_CASE("url: every error says what is wrong") {
  struct bad {
    const char* text;
    const char* why;
  };
  for (const bad& b : {bad{"", "begin with http://"},
                       bad{"pyroscope:4040", "begin with http://"},
                       bad{"//pyroscope", "begin with http://"},
                       bad{"://pyroscope", "begin with http://"},
                       bad{"ftp://pyroscope", "begin with http://"},
                       bad{"httpx://pyroscope", "begin with http://"},
                       bad{"http:/pyroscope", "begin with http://"},
                       bad{" http://p", "blank"},
                       bad{"http://p ", "blank"},
                       bad{"http://p/a b", "blank"},
                       bad{"http://p\n", "control character"},
                       bad{"http://p\x7f", "control character"},
                       bad{"http://", "no host"},
                       bad{"http:///path", "no host"},
                       bad{"http://:4040", "no host"},
                       bad{"http://me:secret@", "no host"},
                       bad{"http://me:secret@:80", "no host"},
                       bad{"http://[]", "no host"},
                       bad{"http://p?x=1", "query"},
                       bad{"http://p/?x=1", "query"},
                       bad{"http://p/a#b", "fragment"},
                       bad{"http://p#b", "fragment"},
                       bad{"http://p:port", "port"},
                       bad{"http://p:0", "1 to 65535"},
                       bad{"http://p:000", "1 to 65535"},
                       bad{"http://p:65536", "1 to 65535"},
                       bad{"http://p:655350", "1 to 65535"},
                       bad{"http://p:99999999999999999999", "1 to 65535"},
                       bad{"http://p:4294967376", "1 to 65535"},  // 80, were it cut to 32 bits
                       bad{"http://p:-1", "1 to 65535"},
                       bad{"http://p:+1", "1 to 65535"},
                       bad{"http://p:4040x", "1 to 65535"},
                       bad{"http://[::1", "closing bracket"},
                       bad{"http://[::1]4040", "not a port"},
                       bad{"http://[::1]:x", "1 to 65535"},
                       bad{"http://::1", "needs brackets"},
                       bad{"http://2001:db8::7:4040", "needs brackets"},
                       bad{"unix:", "absolute path"},
                       bad{"unix://", "absolute path"},
                       bad{"unix:run/pyroscope.sock", "absolute path"},
                       bad{"unix://run/pyroscope.sock", "absolute path"},
                       bad{"unix:/run/a b", "blank"},
                       bad{"unix:/run/a%00b", "control character"},
                       bad{"unix:/run/a%0Ab", "control character"}}) {
    INFO(b.text);
    const url u = parse_url(b.text);
    CHECK(u.error.find(b.why) != std::string::npos);
  }
}

TEST_CASE("url: a password with characters of a URL's own is an error that says how it is written, not a part of the path") {
  for (const char* text : {"http://me:12/34@p", "http://me:12?34@p", "http://me:12#34@p", "https://me:12/@p:4040/prefix"}) {
    INFO(text);
    const url u = parse_url(text);
    CHECK(u.error.find("%2F") != std::string::npos);
    CHECK(u.error.find("34") == std::string::npos);
  }
}

TEST_CASE("url: neither user nor password is in what messages show") {
  for (const char* login : {"zorro:zebra@", "zorro@", ":zebra@", "zorro:ze:bra@", "zorro:ze@zebra@", "%7Aorro:%7Aebra@", "zorro:ze/bra@", "zorro:1/zebra@"}) {
    for (const char* scheme : {"http://", "https://", "ftp://"}) {
      for (const char* rest : {"p", "p:4040/x", "[::1]:4040", "p:port", "p?x", "", "[::1"}) {
        const std::string text = std::string(scheme) + login + rest;
        INFO(text);
        const url u = parse_url(text);
        CHECK(u.error.find('z') == std::string::npos);
        if (!u.error.empty()) continue;
        CHECK(u.text().find('z') == std::string::npos);
        CHECK(u.authority().find('z') == std::string::npos);
      }
    }
  }
}

TEST_CASE("url: percent-decoding") {
  CHECK(percent_decode("") == "");
  CHECK(percent_decode("plain") == "plain");
  CHECK(percent_decode("%41%62%7e") == "Ab~");
  CHECK(percent_decode("%2F%2f") == "//");
  CHECK(percent_decode("%25") == "%");
  CHECK(percent_decode("%2541") == "%41");  // once, not twice
  CHECK(percent_decode("a+b") == "a+b");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
  CHECK(percent_decode("%ff") == "\xff");
  CHECK(percent_decode(std::string_view("%41", 2)) == "%4");
  for (const char* as_it_is : {"%", "%4", "a%", "%zz", "%4g", "%g4", "100%!"}) CHECK(percent_decode(as_it_is) == as_it_is);
}

TEST_CASE("url: hosts that go past a proxy") {
  struct row {
    const char* server;
    const char* list;
    bool past;
  };
  for (const row& r : {
           row{"http://p", "", false},
           row{"http://p", "p", true},
           row{"http://P", "p", true},
           row{"http://p", "P", true},
           row{"http://p", "q", false},
           row{"http://p", "*", true},
           row{"http://p", "q, * ", true},
           row{"http://p", "q,p", true},
           row{"http://p", "q , p , r", true},
           row{"http://p", "\tp\t", true},
           row{"http://p", ",,p", true},
           row{"http://p", ",", false},
           row{"http://p", " ", false},
           row{"http://p.", ",", false},
           row{"http://p", ".", false},
           row{"http://p", "pp", false},
           row{"http://pp", "p", false},
           row{"http://p.example.com", "example.com", true},
           row{"http://p.example.com", ".example.com", true},
           row{"http://p.example.com", "*.example.com", true},
           row{"http://p.example.com", "Example.COM", true},
           row{"http://p.example.com", "p.example.com", true},
           row{"http://p.example.com", "com", true},
           row{"http://example.com", ".example.com", true},
           row{"http://badexample.com", "example.com", false},
           row{"http://example.com.evil", "example.com", false},
           row{"http://example.com", "p.example.com", false},
           row{"http://p:4040", "p:4040", true},
           row{"http://p:4040", "p:4041", false},
           row{"http://p:4040", "p:404", false},
           row{"http://p", "p:80", true},
           row{"https://p", "p:443", true},
           row{"https://p", "p:80", false},
           row{"http://a.p:4040", ".p:4040", true},
           row{"http://p:4040", "p:4041,p:4040", true},
           row{"http://10.0.0.7", "10.0.0.7", true},
           row{"http://10.0.0.7", "10.0.0.8", false},
           row{"http://10.0.0.7", "10.0.0.0/8", false},  // as it says: no networks
           row{"http://[fd00::7]", "fd00::7", true},
           row{"http://[FD00::7]", "fd00::7", true},
           row{"http://[fd00::7]", "[fd00::7]", true},
           row{"http://[fd00::7]:4040", "[fd00::7]:4040", true},
           row{"http://[fd00::7]:4040", "[fd00::7]:4041", false},
           row{"http://[fd00::7]", "fd00::8", false},
           row{"http://[fd00::7]", "[fd00::7", false},
           row{"http://localhost", "", true},
           row{"http://LOCALHOST:4040", "", true},
           row{"http://127.0.0.1", "", true},
           row{"http://127.1.2.3", "", true},
           row{"http://128.0.0.1", "", false},
           row{"http://[::1]", "", true},
           row{"http://localhost.example.com", "", false},
       }) {
    INFO(r.server << " with no_proxy=" << r.list);
    const url u = parse_url(r.server);
    REQUIRE(u.error == "");
    CHECK(past_proxy(u, r.list) == r.past);
  }
}

}  // namespace url_test
