#pragma once
// Values for people: durations, counts, bytes, shares, dates. Whole-number arithmetic and no printf, so that neither the
// program's locale nor rounding modes change the output. Pure, any thread.

#include <cmath>    // square root
#include <cstdint>  // values
#include <string>   // results

namespace pyro::detail {

/// At least `digits` digits, with zeros in front.
inline std::string padded(std::int64_t value, std::size_t digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return text;
}

/// 1234567 as "1,234,567".
inline std::string format_count(std::int64_t value) {
  std::string text = std::to_string(value);
  const std::size_t first = text[0] == '-' ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

/// value / unit with three significant digits: "1.23", "45.6", "789", "1,234". `unit` is at most 10^16.
inline std::string format_scaled(std::uint64_t value, std::uint64_t unit) {
  const std::uint64_t whole = value / unit, rest = value % unit;
  for (const std::uint64_t parts : {100U, 10U}) {  // a carry (9.996 to 10.0) moves on to fewer decimals
    const std::uint64_t fraction = (rest * parts + unit / 2) / unit;
    if (whole >= 1000 || whole * parts + fraction >= 1000) continue;
    const std::uint64_t rounded = whole * parts + fraction;
    return std::to_string(rounded / parts) + "." + padded(static_cast<std::int64_t>(rounded % parts), parts == 100 ? 2 : 1);
  }
  return format_count(static_cast<std::int64_t>(whole + (rest >= unit - unit / 2 ? 1 : 0)));
}

/// Nanoseconds as "12 ns", "789 us", "45.6 ms", "1.23 s", "16.7 min", "3.40 h"; 0 is "0".
inline std::string format_duration(std::int64_t ns) {
  if (ns == 0) return "0";
  if (ns < 0) return "-" + format_duration(ns == INT64_MIN ? INT64_MAX : -ns);
  struct scale {
    std::uint64_t unit;
    std::uint64_t below;  // first value that the next unit takes, where rounding would reach 1,000 of this one
    const char* name;
  };
  constexpr scale scales[] = {{1'000, 999'500, " us"},
                              {1'000'000, 999'500'000, " ms"},
                              {1'000'000'000, 999'500'000'000, " s"},
                              {60'000'000'000, 59'970'000'000'000, " min"}};
  const auto value = static_cast<std::uint64_t>(ns);
  if (value < 1'000) return std::to_string(value) + " ns";
  for (const scale& s : scales)
    if (value < s.below) return format_scaled(value, s.unit) + s.name;
  return format_scaled(value, 3'600'000'000'000) + " h";
}

/// Bytes as "512 B", "1.50 KiB", "20.0 MiB", "3.10 GiB".
inline std::string format_bytes(std::int64_t bytes) {
  if (bytes < 0) return "-" + format_bytes(bytes == INT64_MIN ? INT64_MAX : -bytes);
  const auto value = static_cast<std::uint64_t>(bytes);
  if (value < 1024) return format_count(bytes) + " B";
  std::uint64_t unit = 1024;
  for (const char* name : {" KiB", " MiB", " GiB"}) {
    if (value < unit * 1024 - unit / 2) return format_scaled(value, unit) + name;
    unit *= 1024;
  }
  return format_scaled(value, unit) + " TiB";
}

/// Share of the whole in percent, one decimal: "47.2", "<0.1", "0.0"; empty where there is no whole.
inline std::string format_percent(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return {};
  const double tenths = static_cast<double>(part) / static_cast<double>(whole) * 1000.0;
  const auto rounded = static_cast<std::int64_t>(tenths < 0 ? tenths - 0.5 : tenths + 0.5);
  if (rounded == 0 && part > 0) return "<0.1";
  const std::int64_t size = rounded < 0 ? -rounded : rounded;
  return (rounded < 0 ? "-" : "") + std::to_string(size / 10) + "." + std::to_string(size % 10);
}

/// How far from the truth a share of `percent` can be for the number of samples alone, 19 times of 20, in percentage points, one decimal, rounded up:
/// 1.96 times the standard deviation of a binomial share (normal approximation; docs/accuracy.md).
inline std::string format_share_error(int percent, std::int64_t samples) {
  const double p = percent / 100.0;
  const auto tenths = static_cast<std::int64_t>(std::ceil(1960 * std::sqrt(p * (1 - p) / static_cast<double>(samples)) - 1e-9));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

struct utc_time {
  std::int64_t year;
  std::int64_t month, day, hour, minute, second, nanosecond;
};

/// Nanoseconds since the Unix epoch as a date. (H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.)
inline utc_time utc_of(std::int64_t ns) noexcept {
  constexpr std::int64_t second = 1'000'000'000, day = 86'400 * second;
  std::int64_t days = ns / day, rest = ns % day;
  if (rest < 0) {
    rest += day;
    --days;
  }
  const std::int64_t z = days + 719'468;
  const std::int64_t era = (z >= 0 ? z : z - 146'096) / 146'097;
  const std::int64_t day_of_era = z - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  utc_time t{};
  t.day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  t.month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  t.year = year_of_era + era * 400 + (t.month <= 2 ? 1 : 0);
  t.hour = rest / (3'600 * second);
  t.minute = rest / (60 * second) % 60;
  t.second = rest / second % 60;
  t.nanosecond = rest % second;
  return t;
}

/// "2026-11-24 14:15:00 UTC".
inline std::string format_time(std::int64_t ns) {
  const utc_time t = utc_of(ns);
  return padded(t.year, 4) + "-" + padded(t.month, 2) + "-" + padded(t.day, 2) + " " + padded(t.hour, 2) + ":" +
         padded(t.minute, 2) + ":" + padded(t.second, 2) + " UTC";
}

}  // namespace pyro::detail
