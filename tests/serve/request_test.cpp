// What strangers send, judged without a socket.
#include <pyro/export/serve_address.hpp>
#include <pyro/export/serve_request.hpp>

#include <catch2/catch.hpp>

using namespace pyro::detail;

TEST_CASE("addresses to listen on") {
  const auto read = [](const char* text) {
    const listen_address a = parse_listen_address(text);
    return a.error.empty() ? text_of(a.bytes) + (a.loopback ? " own" : " others") : a.error;
  };
  CHECK(read("127.0.0.1:6060") == "127.0.0.1:6060 own");
  CHECK(read("localhost:6060") == "127.0.0.1:6060 own");
  CHECK(read(":6060") == "127.0.0.1:6060 own");
  CHECK(read("6060") == "127.0.0.1:6060 own");
  CHECK(read("127.1.2.3:0") == "127.1.2.3:0 own");
  CHECK(read("[::1]:65535") == "[::1]:65535 own");
  CHECK(read("0.0.0.0:6060") == "0.0.0.0:6060 others");
  CHECK(read("[::]:6060") == "[::]:6060 others");
  CHECK(read("[::ffff:127.0.0.1]:1") == "[::ffff:127.0.0.1]:1 others");
  CHECK(read("10.0.0.1:80") == "10.0.0.1:80 others");
  for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:6060/", "127.0.0.1:0000000006060", "::1:6060",
                          "[::1]", "[::1:6060", "[]:1", "example.org:6060", "http://127.0.0.1:6060", "1.2.3:1", " :1", "[fe80::1%eth0]:1", "on"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_listen_address(bad).error.empty());
  }
}

TEST_CASE("parameters of a query") {
  const auto value = [](const char* query, const char* key) {
    std::string out;
    return query_value(query, key, out) ? "=" + out : "absent";
  };
  CHECK(value("a=1&b=2", "b") == "=2");
  CHECK(value("a=1&b=2&b=3", "b") == "=2");
  CHECK(value("ab=1", "a") == "absent");
  CHECK(value("a", "a") == "=");
  CHECK(value("a=", "a") == "=");
  CHECK(value("&&a=x", "a") == "=x");
  CHECK(value("a=%41%2f+%zz%4", "a") == "=A/ %zz%4");
  CHECK(value("a=b=c", "a") == "=b=c");
  CHECK(value("", "") == "absent");
  CHECK(value("=1", "") == "=1");
  const std::string secret("\0\xff&=+% z/", 9);
  std::string back;
  CHECK(query_value("token=" + percent_encode(secret), "token", back));
  CHECK(back == secret);
}

TEST_CASE("seconds, as Go reads them") {
  CHECK(profile_seconds("seconds=2") == 2);
  CHECK(profile_seconds("debug=1&seconds=14") == 14);
  CHECK(profile_seconds("seconds=2&seconds=5&token=x") == 2);  // Alloy, with `params` and several targets
  for (const char* none : {"", "seconds", "seconds=", "seconds=0", "seconds=00", "seconds=-1", "seconds=1.5", "seconds=x", "seconds=0x10", "Seconds=3"}) CHECK(profile_seconds(none) == 30);
  CHECK(profile_seconds("seconds=" + std::string(5000, '9')) > 600);
}

TEST_CASE("tokens") {
  CHECK(shows_token("Bearer secret", "", "secret"));
  CHECK(shows_token("bearer   secret", "", "secret"));
  CHECK(shows_token("", "a=1&token=secret", "secret"));
  CHECK(shows_token("", "token=%73ecret", "secret"));
  CHECK(shows_token("Basic eA==", "token=secret", "secret"));
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer secre", "Bearer secrets", "Bearer Secret", "Basic secret", "secret", "Bearer secretsecret", "Bearer s"}) CHECK_FALSE(shows_token(bad, "", "secret"));
  CHECK_FALSE(shows_token("", "token=", "secret"));
  CHECK_FALSE(shows_token("", "token", "secret"));
  CHECK_FALSE(shows_token("Bearer wrong", "token=secret", "secret"));
  CHECK_FALSE(equal_in_constant_time("x", ""));
  CHECK(equal_in_constant_time("", ""));
}

TEST_CASE("hosts that no other site can pretend to be") {
  for (const char* own : {"localhost", "localhost:6060", "LocalHost", "127.0.0.1", "127.0.0.1:6060", "10.1.2.3", "[::1]:6060", "[::1]"}) CHECK(is_own_host(own));
  for (const char* other : {"", ":", "evil.example", "evil.example:6060", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.", "1.2.3", "127.0.0.1@evil", "[evil]", "[]",
                            "[::1", "localhost.", "0x7f.0.0.1", "evillocalhost"}) {
    CAPTURE(other);
    CHECK_FALSE(is_own_host(other));
  }
  CHECK(is_foreign_script("cross-site", "no-cors"));
  CHECK(is_foreign_script("same-site", "cors"));
  CHECK_FALSE(is_foreign_script("cross-site", "navigate"));
  CHECK_FALSE(is_foreign_script("same-origin", "cors"));
  CHECK_FALSE(is_foreign_script("none", "navigate"));
  CHECK_FALSE(is_foreign_script("", ""));
}

TEST_CASE("text into pages") { CHECK(html_escape("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"); }
