#pragma once
// What the live view says, as bytes and their kind. Pure but for `command_line`; the server's thread.

#include <pyro/core/abi.hpp>  // version
#include <pyro/encode/html.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/export/serve_history.hpp>
#include <pyro/export/serve_request.hpp>

#include <fcntl.h>   // open
#include <unistd.h>  // read

namespace pyro::detail {

struct page {
  std::string type;
  std::string body;
};

inline constexpr const char* plain_text = "text/plain; charset=utf-8";

/// The last windows.
inline page report_page(const std::string& title, const window_history::list& windows) {
  html_options options;
  options.title = title;
  html_report report(options);
  for (const auto& w : windows) report.add(*w);
  return {"text/html; charset=utf-8", report.str()};
}

/// pprof of a run. Without exact calls, as pushes are: a Pyroscope server takes every type of a CPU profile for CPU time. `calls=1` adds them.
inline page pprof_page(const profile& run, std::string_view query) {
  std::string wanted;
  pprof_options options;
  options.calls = query_value(query, "calls", wanted) && wanted != "0";
  return {"application/octet-stream", encode_pprof(run, options)};
}

/// Like Go's. Links keep the token that a browser came with.
inline page index_page(const std::string& application, const std::string& token) {
  const std::string first = token.empty() ? "" : "?token=" + percent_encode(token);
  const std::string next = token.empty() ? "" : "&amp;token=" + percent_encode(token);
  const std::string name = html_escape(application);
  return {"text/html; charset=utf-8",
          "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<link rel=\"icon\" href=\"data:,\">\n<title>" + name + ": /debug/pprof/</title>\n"
          "<style>body{font:16px/1.5 sans-serif;margin:2em;color-scheme:light dark}td{padding-right:2em;vertical-align:top}</style>\n</head>\n<body>\n"
          "<h1>" + name + "</h1>\n<p>Profiles by pyro " PYRO_VERSION ", in pprof's format.</p>\n<table>\n"
          "<tr><td><a href=\"/" + first + "\">report</a></td><td>the last windows, in the browser</td></tr>\n"
          "<tr><td><a href=\"profile?seconds=30" + next + "\">profile</a></td><td>CPU time of the next <code>seconds=30</code>; "
          "<code>go tool pprof http://HOST:PORT/debug/pprof/profile?seconds=5</code>; <code>calls=1</code> adds the exact calls of scopes</td></tr>\n"
          "<tr><td><a href=\"cmdline" + first + "\">cmdline</a></td><td>the program's command line</td></tr>\n"
          "</table>\n</body>\n</html>\n"};
}

/// Arguments, with a NUL between two, as Go has it; at most 64 KiB.
inline page command_line() {
  std::string text(65536, '\0');
  const int fd = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  std::size_t size = 0;
  for (ssize_t n = 1; fd >= 0 && n > 0 && size < text.size();) {
    n = ::read(fd, text.data() + size, text.size() - size);
    if (n > 0) size += static_cast<std::size_t>(n);
  }
  if (fd >= 0) ::close(fd);
  text.resize(size);
  if (!text.empty() && text.back() == '\0') text.pop_back();
  return {plain_text, std::move(text)};
}

}  // namespace pyro::detail
