#pragma once
// File names with placeholders: %p process, %h host, %w window start, %n running number, %% a percent sign.
// Not thread safe, not signal safe. POSIX.

#include <pyro/encode/units.hpp>

#include <cstdint>  // times and numbers
#include <string>   // names
#include <utility>  // move

#include <unistd.h>  // getpid, gethostname

namespace pyro::detail {

/// "20261124T141500Z", which sorts by time; with 3, 6 or 9 digits of the second "20261124T141500.250Z".
inline std::string sortable_time(std::int64_t ns, std::size_t digits) {
  const utc_time t = utc_of(ns);
  std::string out = padded(t.year, 4) + padded(t.month, 2) + padded(t.day, 2) + "T" + padded(t.hour, 2) + padded(t.minute, 2) +
                    padded(t.second, 2);
  if (digits != 0) out += "." + padded(t.nanosecond, 9).substr(0, digits);
  return out + "Z";
}

class file_pattern {
 public:
  explicit file_pattern(std::string pattern) : pattern_(std::move(pattern)) {
    const std::string why = check();
    if (!why.empty()) error_ = "file name \"" + pattern_ + "\": " + why;
  }

  /// Empty where the pattern is good; else names it and what is wrong with it.
  const std::string& error() const noexcept { return error_; }

  /// The name differs from window to window (%w or %n).
  bool per_window() const noexcept { return per_window_; }

  /// The name differs from process to process (%p).
  bool per_process() const noexcept { return per_process_; }

  /// `digits`: of the second in %w. Windows of a second and more need none to differ.
  std::string expand(std::int64_t time_ns, std::size_t digits, std::uint64_t number) const {
    std::string out;
    for (std::size_t i = 0; i < pattern_.size(); ++i) {
      if (pattern_[i] != '%' || i + 1 == pattern_.size()) {
        out += pattern_[i];
        continue;
      }
      switch (pattern_[++i]) {
        case 'p': out += std::to_string(::getpid()); break;
        case 'h': out += host(); break;
        case 'w': out += sortable_time(time_ns, digits); break;
        case 'n': out += padded(static_cast<std::int64_t>(number), 6); break;
        default: out += '%';
      }
    }
    return out;
  }

 private:
  std::string check() {
    if (pattern_.empty()) return "it is empty";
    if (pattern_.back() == '/') return "it is a directory: add a name";
    if (pattern_.find('\0') != std::string::npos) return "it has a zero byte in it";
    for (std::size_t i = 0; i < pattern_.size(); ++i) {
      if (pattern_[i] != '%') continue;
      const std::string placeholder = pattern_.substr(i++, 2);
      const char what = placeholder.back();
      if (placeholder.size() < 2 || std::string("phwn%").find(what) == std::string::npos)
        return "unknown placeholder \"" + placeholder +
               "\"; there are %p (process), %h (host), %w (window start), %n (running number) and %% (a percent sign)";
      per_window_ = per_window_ || what == 'w' || what == 'n';
      per_process_ = per_process_ || what == 'p';
    }
    return {};
  }

  static std::string host() {
    char name[256] = "";
    if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "localhost";
    std::string out = name;
    for (char& c : out)
      if (c == '/') c = '_';
    return out;
  }

  std::string pattern_;
  std::string error_;
  bool per_window_ = false;
  bool per_process_ = false;
};

}  // namespace pyro::detail
