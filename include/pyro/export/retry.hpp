#pragma once
// What an answer means for a push, and when to try again. Pure but for a random number; one thread at a time.
//
// The server does not recognise a push that it has already: the same one twice counts double. So only what it surely has not stored is sent
// again: failures before the request was out, and 429, 502, 503, 504. An answer of 500 or 408, and silence, to a request that went out whole
// leave it uncertain (the server stores the good profiles of a request that it answers with 500).

#include <algorithm>  // max, min
#include <chrono>     // delays
#include <cstdint>    // random
#include <cstdio>     // sscanf
#include <cstdlib>    // strtoll
#include <ctime>      // dates
#include <random>     // jitter
#include <string>     // Retry-After

#include <strings.h>  // months

namespace pyro::detail {

enum class verdict { delivered, retry, uncertain, refused };

/// `sent`: all of the request went out (a server may answer before). `status`: 0 where no answer came.
inline verdict judge(bool sent, unsigned status) noexcept {
  if (status == 0) return sent ? verdict::uncertain : verdict::retry;
  if (status / 100 == 2) return verdict::delivered;
  switch (status) {
    case 429:
    case 502:
    case 503:
    case 504: return verdict::retry;
    default: break;
  }
  // 408: older Connect servers say this when they ran out of time over a request that they had.
  if (status != 408 && status / 100 != 5) return verdict::refused;
  return sent ? verdict::uncertain : verdict::retry;
}

/// True for the answer of a server that comes up: it takes requests some seconds before its parts have found each other, and stores none
/// (grafana/pyroscope, pkg/segmentwriter/client). Of a server that has taken pushes already the same words can mean that a part is stored.
inline bool is_starting(unsigned status, const std::string& body) noexcept {
  return status == 500 && body.find("service is unavailable") != std::string::npos;
}

/// Seconds since 1970 of an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT", RFC 9110, 5.6.7); -1 where it is none.
inline std::int64_t parse_http_date(const std::string& text) noexcept {
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char name[4] = "";
  if (std::sscanf(text.c_str(), "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT", &day, name, &year, &hour, &minute, &second) != 6) return -1;
  static constexpr const char* months[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
  for (int month = 0; month < 12; ++month) {
    if (::strcasecmp(name, months[month]) != 0) continue;
    std::tm parts{};
    parts.tm_mday = day;
    parts.tm_mon = month;
    parts.tm_year = year - 1900;
    parts.tm_hour = hour;
    parts.tm_min = minute;
    parts.tm_sec = second;
    return ::timegm(&parts);
  }
  return -1;
}

/// Retry-After: seconds, or a date. 0 where it says nothing of use; never more than an hour, after which the data would be refused.
inline std::chrono::seconds parse_retry_after(const std::string& text, std::int64_t now) noexcept {
  if (text.empty()) return std::chrono::seconds(0);
  char* end = nullptr;
  long long seconds = std::strtoll(text.c_str(), &end, 10);
  if (*end != '\0') {
    const std::int64_t date = parse_http_date(text);
    seconds = date < 0 ? 0 : date - now;
  }
  return std::chrono::seconds(std::max(0LL, std::min(3600LL, seconds)));
}

/// Full-jitter backoff (each delay is random between 0 and a bound that doubles) and, after some failures in a row, a breaker: then one attempt
/// every half a minute tries whether the server is back, so that a fleet does not fall upon a server that comes up.
class backoff {
 public:
  using clock = std::chrono::steady_clock;

  explicit backoff(std::uint64_t seed) : random_(seed) {}

  void succeeded() noexcept {
    failures_ = 0;
    next_ = {};
  }
  void failed(clock::time_point now, std::chrono::seconds wanted_by_server) {
    ++failures_;
    const std::int64_t bound = std::min<std::int64_t>(longest_ms, first_ms << std::min(failures_ - 1, 10U));
    std::int64_t delay = std::uniform_int_distribution<std::int64_t>(is_open() ? bound / 2 : 0, bound)(random_);
    // The server's own wish, and a little more: all who were told the same should not come back at the same moment.
    if (const std::int64_t asked = std::chrono::milliseconds(wanted_by_server).count(); asked > delay) delay = asked + delay / 4;
    next_ = now + std::chrono::milliseconds(delay);
    asked_ = wanted_by_server.count() > 0;
  }

  /// Nothing is sent before this.
  clock::time_point next() const noexcept { return next_; }
  /// True where the server itself named that moment.
  bool asked_by_server() const noexcept { return failures_ != 0 && asked_; }
  unsigned failures() const noexcept { return failures_; }
  bool is_open() const noexcept { return failures_ >= breaker_after; }

 private:
  static constexpr std::int64_t first_ms = 1000, longest_ms = 30000;
  static constexpr unsigned breaker_after = 5;

  std::mt19937_64 random_;
  unsigned failures_ = 0;
  bool asked_ = false;
  clock::time_point next_{};
};

/// A token bucket in bytes: how fast pushes may follow each other. Below the server's 4 MB/s with bursts of 2 MB, counted uncompressed.
class pace {
 public:
  using clock = std::chrono::steady_clock;
  static constexpr double bytes_a_second = 3.6e6, burst = 1.9e6;

  /// When `bytes` may be sent at the earliest.
  clock::time_point ready(clock::time_point now, std::size_t bytes) const {
    const double missing = std::min(static_cast<double>(bytes), burst) - level(now);
    return missing <= 0 ? now : now + std::chrono::microseconds(static_cast<std::int64_t>(missing / bytes_a_second * 1e6) + 1);
  }
  void take(clock::time_point now, std::size_t bytes) {
    level_ = level(now) - static_cast<double>(bytes);
    at_ = now;
  }

 private:
  double level(clock::time_point now) const {
    if (at_ == clock::time_point()) return burst;
    return std::min(burst, level_ + std::chrono::duration<double>(now - at_).count() * bytes_a_second);
  }

  double level_ = burst;
  clock::time_point at_{};
};

}  // namespace pyro::detail
