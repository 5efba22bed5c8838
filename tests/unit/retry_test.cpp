// When a push is sent again, and how fast pushes may follow each other. What the server may have stored is never sent twice.
#include <pyro/export/retry.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace retry_test {

using namespace pyro::detail;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

constexpr std::int64_t an_hour = 3600;
/// 06 Nov 1994 08:49:37, the date of RFC 9110's examples.
constexpr std::int64_t example = 784111777;

std::int64_t after(const std::string& text, std::int64_t now = example) { return parse_retry_after(text, now).count(); }

/// The delays of so many failures in a row.
std::vector<clock_type::duration> delays(std::uint64_t seed, int failures, std::chrono::seconds asked = 0s) {
  const auto now = clock_type::time_point(1000s);
  backoff b(seed);
  std::vector<clock_type::duration> out;
  for (int i = 0; i < failures; ++i) {
    b.failed(now, asked);
    out.push_back(b.next() - now);
  }
  return out;
}

}  // namespace

TEST_CASE("retry: what an answer means, by whether all of the request went out") {
  struct row {
    unsigned status;
    verdict sent, not_sent;
  };
  for (const row& r : {row{0, verdict::uncertain, verdict::retry},   row{200, verdict::delivered, verdict::delivered},
                       row{204, verdict::delivered, verdict::delivered}, row{299, verdict::delivered, verdict::delivered},
                       row{100, verdict::refused, verdict::refused}, row{301, verdict::refused, verdict::refused},
                       row{302, verdict::refused, verdict::refused}, row{307, verdict::refused, verdict::refused},
                       row{308, verdict::refused, verdict::refused}, row{400, verdict::refused, verdict::refused},
                       row{401, verdict::refused, verdict::refused}, row{403, verdict::refused, verdict::refused},
                       row{404, verdict::refused, verdict::refused}, row{405, verdict::refused, verdict::refused},
                       row{408, verdict::uncertain, verdict::retry}, row{413, verdict::refused, verdict::refused},
                       row{415, verdict::refused, verdict::refused}, row{422, verdict::refused, verdict::refused},
                       row{428, verdict::refused, verdict::refused}, row{429, verdict::retry, verdict::retry},
                       row{431, verdict::refused, verdict::refused}, row{499, verdict::refused, verdict::refused},
                       row{500, verdict::uncertain, verdict::retry}, row{501, verdict::uncertain, verdict::retry},
                       row{502, verdict::retry, verdict::retry},     row{503, verdict::retry, verdict::retry},
                       row{504, verdict::retry, verdict::retry},     row{505, verdict::uncertain, verdict::retry},
                       row{507, verdict::uncertain, verdict::retry}, row{599, verdict::uncertain, verdict::retry},
                       row{600, verdict::refused, verdict::refused}, row{999, verdict::refused, verdict::refused}}) {
    INFO(r.status);
    CHECK(judge(true, r.status) == r.sent);
    CHECK(judge(false, r.status) == r.not_sent);
  }
}

TEST_CASE("retry: of all answers to a whole request four alone are sent again") {
  for (unsigned status = 1; status < 1000; ++status) {
    const bool again = judge(true, status) == verdict::retry;
    CHECK(again == (status == 429 || status == 502 || status == 503 || status == 504));
    CHECK((judge(true, status) == verdict::delivered) == (status >= 200 && status < 300));
    CHECK(judge(false, status) != verdict::uncertain);  // what did not go out whole was surely not stored
  }
}

TEST_CASE("retry: a server that comes up is told by its status and its words") {
  CHECK(is_starting(500, R"({"code":"unknown","message":"service is unavailable"})"));
  CHECK_FALSE(is_starting(500, R"({"code":"unknown","message":"failed to parse"})"));
  CHECK_FALSE(is_starting(500, ""));
  CHECK_FALSE(is_starting(400, "service is unavailable"));
  CHECK_FALSE(is_starting(0, "service is unavailable"));
}

TEST_CASE("retry: Retry-After in seconds") {
  CHECK(after("0") == 0);
  CHECK(after("1") == 1);
  CHECK(after("120") == 120);
  CHECK(after(" 7") == 7);
  CHECK(after("3600") == an_hour);
  CHECK(after("3601") == an_hour);
  CHECK(after("86400") == an_hour);
  CHECK(after("99999999999999999999999") == an_hour);
  CHECK(after("-1") == 0);
  CHECK(after("-99999999999999999999999") == 0);
}

TEST_CASE("retry: Retry-After as a date") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == example);
  CHECK(parse_http_date("sun, 06 nov 1994 08:49:37 GMT") == example);
  CHECK(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  CHECK(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT") == 1709251199);
  CHECK(parse_http_date("Tue, 19 Jan 2038 03:14:08 GMT") == 2147483648);
  const char* const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::int64_t before = 0;
  for (const char* month : months) {
    const std::int64_t date = parse_http_date(std::string("Fri, 01 ") + month + " 2027 00:00:00 GMT");
    CHECK(date > before);
    CHECK((date - 1798761600) % 86400 == 0);
    before = date;
  }
  CHECK(after("Sun, 06 Nov 1994 08:49:47 GMT") == 10);
  CHECK(after("Sun, 06 Nov 1994 08:49:37 GMT") == 0);
  CHECK(after("Sun, 06 Nov 1994 08:49:36 GMT") == 0);  // past
  CHECK(after("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
  CHECK(after("Mon, 07 Nov 1994 08:49:37 GMT") == an_hour);
  CHECK(after("Fri, 31 Dec 9999 23:59:59 GMT") == an_hour);
}

TEST_CASE("retry: a Retry-After that says nothing of use is as none") {
  for (const char* text : {"", " ", "soon", "1.5", "12abc", "1 2", "0x10 s", "-", "+", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49 GMT",
                           "Sun, 06 Zzz 1994 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                           ", , , ,", "\xff\xfe"}) {
    INFO(text);
    CHECK(after(text) == 0);
    CHECK(parse_http_date(text) == -1);
  }
  CHECK(after(std::string(100000, '9')) == an_hour);
  CHECK(after(std::string(100000, 'x')) == 0);
}

TEST_CASE("retry: delays are random below a bound that doubles up to half a minute; with the breaker open, in its upper half") {
  const std::vector<std::chrono::milliseconds> bounds = {1s, 2s, 4s, 8s, 16s, 30s, 30s, 30s, 30s, 30s, 30s, 30s, 30s, 30s};
  std::vector<clock_type::duration> least(bounds.size(), 1h), most(bounds.size(), 0s);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const auto made = delays(seed, static_cast<int>(bounds.size()));
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      least[i] = std::min(least[i], made[i]);
      most[i] = std::max(most[i], made[i]);
    }
  }
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    INFO("failure " << i + 1);
    const auto floor = i >= 4 ? bounds[i] / 2 : 0ms;
    CHECK(least[i] >= floor);
    CHECK(least[i] < floor + bounds[i] / 50);  // all of it is used
    CHECK(most[i] <= bounds[i]);
    CHECK(most[i] > bounds[i] - bounds[i] / 50);
  }
}

TEST_CASE("retry: two processes do not come at the same moment, one seed always gives the same") {
  CHECK(delays(1, 10) == delays(1, 10));
  CHECK(delays(1, 10) != delays(2, 10));
}

TEST_CASE("retry: what the server asks for is waited for, and a little more") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    for (const std::chrono::seconds asked : {1s, 20s, 3600s}) {
      const auto made = delays(seed, 8, asked);
      for (std::size_t i = 0; i < made.size(); ++i) {
        REQUIRE(made[i] >= asked);
        REQUIRE(made[i] <= std::max<clock_type::duration>(asked + 7500ms, 30s));
      }
    }
  }
  CHECK(delays(1, 1, 100s) != delays(2, 1, 100s));  // all who were told the same do not come at the same moment
}

TEST_CASE("retry: the breaker opens after five failures in a row, and success resets everything") {
  const auto now = clock_type::time_point(1000s);
  backoff b(1);
  CHECK(b.next() == clock_type::time_point());
  CHECK(b.failures() == 0);
  CHECK_FALSE(b.is_open());
  CHECK_FALSE(b.asked_by_server());
  for (unsigned i = 1; i <= 100; ++i) {
    b.failed(now, 0s);
    CHECK(b.failures() == i);
    CHECK(b.is_open() == (i >= 5));
    CHECK(b.next() >= now);
    CHECK_FALSE(b.asked_by_server());
  }
  b.failed(now, 7s);
  CHECK(b.asked_by_server());
  b.failed(now, 0s);
  CHECK_FALSE(b.asked_by_server());
  b.failed(now, 7s);
  b.succeeded();
  CHECK(b.next() == clock_type::time_point());
  CHECK(b.failures() == 0);
  CHECK_FALSE(b.is_open());
  CHECK_FALSE(b.asked_by_server());
  for (int i = 0; i < 4; ++i) {
    b.failed(now, 0s);
    CHECK(b.next() - now <= 1s * (1 << i));  // from the first bound on
    CHECK_FALSE(b.is_open());
  }
}

TEST_CASE("pace: a burst goes at once, what follows waits for its share") {
  const auto start = clock_type::time_point(1000s);
  pace p;
  CHECK(p.ready(start, 1'000'000) == start);
  p.take(start, 1'000'000);
  CHECK(p.ready(start, 900'000) == start);
  p.take(start, 900'000);
  const auto next = p.ready(start, 360'000);
  CHECK(next - start >= 100ms);
  CHECK(next - start < 101ms);
  CHECK(p.ready(start + 50ms, 360'000) - start >= 100ms);  // asking takes nothing
  CHECK(p.ready(start + 50ms, 360'000) - start < 101ms);
  CHECK(p.ready(next, 360'000) == next);
  p.take(next, 360'000);
  CHECK(p.ready(next, 360'000) - next > 99ms);  // a microsecond was given on top
  CHECK(p.ready(next + 10s, 1'900'000) == next + 10s);  // the bucket is full again, and no more than full:
  p.take(next + 10s, 1'900'000);
  CHECK(p.ready(next + 10s, 1) > next + 10s);
}

TEST_CASE("pace: nothing waits for no bytes, and nothing is ready in the past") {
  std::mt19937 random(1);
  pace p;
  auto now = clock_type::time_point(1000s);
  for (int i = 0; i < 10000; ++i) {
    now += std::chrono::microseconds(random() % 500'000);
    const std::size_t bytes = random() % 3'000'000;
    const auto when = p.ready(now, bytes);
    REQUIRE(when >= now);
    REQUIRE(when - now <= 2s);  // an empty bucket, in debt by a large body
    if (random() % 2) now = when;
    if (when <= now) p.take(now, bytes);
  }
  pace fresh;
  CHECK(fresh.ready(now, 0) == now);
}

TEST_CASE("pace: a body above the burst is not held for ever, but waits for a full bucket and is paid for") {
  const auto start = clock_type::time_point(1000s);
  pace p;
  CHECK(p.ready(start, 100'000'000) == start);
  p.take(start, 3'700'000);
  const auto full = p.ready(start, 100'000'000);
  CHECK(full - start >= 1027ms);  // 3.7 MB at 3.6 MB/s
  CHECK(full - start < 1029ms);
  CHECK(p.ready(full, 100'000'000) == full);
}

TEST_CASE("pace: a server with its default limits never has reason to refuse") {
  // Pyroscope's: a bucket of 2 MB that is refilled with 4 MB a second; what does not fit is answered with 429.
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    pace p;
    auto now = clock_type::time_point(1000s), seen = now;
    double bucket = 2e6, sent = 0;
    const auto begin = now;
    for (int i = 0; i < 500; ++i) {
      const std::size_t bytes = random() % (seed % 2 ? 1'800'000 : 50'000);
      now = std::max(now, p.ready(now, bytes));
      p.take(now, bytes);
      bucket = std::min(2e6, bucket + std::chrono::duration<double>(now - seen).count() * 4e6);
      seen = now;
      REQUIRE(static_cast<double>(bytes) <= bucket);
      bucket -= static_cast<double>(bytes);
      sent += static_cast<double>(bytes);
      if (random() % 4 == 0) now += std::chrono::milliseconds(random() % 400);
    }
    CHECK(sent / std::chrono::duration<double>(now - begin).count() < 4e6);
  }
  // And without pauses nearly all of the rate is used.
  pace p;
  auto now = clock_type::time_point(1000s);
  for (int i = 0; i < 1000; ++i) {
    now = p.ready(now, 100'000);
    p.take(now, 100'000);
  }
  const double seconds = std::chrono::duration<double>(now - clock_type::time_point(1000s)).count();
  CHECK(1e8 / seconds > 3.5e6);
  CHECK(1e8 / seconds < 4e6);
}

}  // namespace retry_test
