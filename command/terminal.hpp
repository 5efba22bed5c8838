#pragma once
// What goes to people: standard output, colours, the width of the terminal, progress. One thread. POSIX.

#include "subcommands.hpp"

#include <pyro/encode/utf8.hpp>
#include <pyro/export/atomic_file.hpp>

#include <chrono>       // how often progress is drawn
#include <cstdlib>      // environment
#include <string>       // lines
#include <string_view>  // bytes

#include <sys/ioctl.h>  // width
#include <unistd.h>     // isatty

namespace pyro::command {

/// Where the output goes: `-` or nothing is standard output, all else a file that is there whole or not at all.
/// A reader that has seen enough (`| head`) is no error; the exit code stays the subcommand's own.
inline void write_output(const std::string& path, const std::string& bytes) {
  if (!path.empty() && path != "-") {
    const std::string why = detail::write_atomically(path, bytes, false);
    if (why.empty()) return;
    // The library's exporters try again with the next window; a command does not.
    const std::string again = "; " + std::string(detail::advice_for(0));
    throw failure(why.size() > again.size() && why.compare(why.size() - again.size(), again.size(), again) == 0 ? why.substr(0, why.size() - again.size()) : why);
  }
  const int error = [&bytes] {  // waits for a pager as long as it takes
    const detail::write_signals_blocked quiet;
    for (std::string_view rest = bytes; !rest.empty();) {
      const ssize_t written = ::write(STDOUT_FILENO, rest.data(), rest.size());
      if (written > 0) rest.remove_prefix(static_cast<std::size_t>(written));
      else if (written == 0) return EIO;
      else if (errno == EAGAIN) {
        pollfd ready{STDOUT_FILENO, POLLOUT, 0};
        ::poll(&ready, 1, -1);
      } else if (errno != EINTR) return errno;
    }
    return 0;
  }();
  if (error != 0 && error != EPIPE) throw failure("cannot write to standard output: " + detail::error_text(error));
}

inline bool is_set(const char* variable) noexcept {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// Colours only where a person looks, and not where that person does not want any (no-color.org).
inline bool has_colours() noexcept {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) != 0 && !is_set("NO_COLOR") && !(terminal != nullptr && std::string_view(terminal) == "dumb");
}

/// Columns of a line: the terminal's, else 120, which fits most logs.
inline std::size_t line_width() noexcept {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) return size.ws_col;
  return 120;
}

/// A byte that does not come from us may be anything: what is shown has no control characters.
inline std::string shown(std::string_view text) { return detail::one_line(text); }

/// The first line of a table bold, its rule dim.
inline std::string with_colours(const std::string& table) {
  if (!has_colours()) return table;
  const std::size_t head = table.find('\n');
  const std::size_t rule = head == std::string::npos ? head : table.find('\n', head + 1);
  if (rule == std::string::npos) return table;
  return "\033[1m" + table.substr(0, head) + "\033[0m\n\033[2m" + table.substr(head + 1, rule - head - 1) + "\033[0m" + table.substr(rule);
}

/// `12 of 480 files` on standard error, where that is a terminal and the work takes longer than half a second.
class progress {
 public:
  progress(std::size_t whole, const char* what) : whole_(whole), what_(what), on_(::isatty(STDERR_FILENO) != 0) {}
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void step() {
    ++done_;
    const auto now = std::chrono::steady_clock::now();
    if (!on_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    draw("\r" + std::to_string(done_) + " of " + std::to_string(whole_) + " " + what_ + "\033[K");
    drawn_ = true;
  }
  /// Before something else is written.
  void clear() {
    if (drawn_) draw("\r\033[K");
    drawn_ = false;
  }

 private:
  static void draw(const std::string& text) { (void)!::write(STDERR_FILENO, text.data(), text.size()); }

  std::size_t whole_, done_ = 0;
  const char* what_;
  bool on_, drawn_ = false;
  std::chrono::steady_clock::time_point next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
};

inline void warn(const std::string& message) {
  const std::string line = "pyro: " + message + "\n";
  (void)!::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace pyro::command
