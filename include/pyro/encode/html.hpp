#pragma once
// A report as one HTML page: flame graph, tags, timeline, comparison, diff and table, without a server and without a network. The page is the
// viewer (encode/html_template.hpp) with the profile in the middle. Any thread, one report by one thread at a time.
//
// The profile is in the page as it is, or gzipped where a compressor is registered (encode/zlib.hpp): two to three times smaller.

#include <pyro/encode/base64.hpp>
#include <pyro/encode/gzip.hpp>
#include <pyro/encode/html_template.hpp>
#include <pyro/encode/report_data.hpp>
#include <pyro/encode/report_layout.hpp>

#include <cstddef>      // limits
#include <cstdint>      // times
#include <string>       // the page
#include <string_view>  // parts of it

namespace pyro {

/// What a page holds at most; what does not fit is added up where it belongs, and the page says so.
struct html_options {
  std::string title;                   ///< empty: the names of the programs
  std::size_t max_tag_values = 50;     ///< of a key, those of most CPU time; the others are the value `[other]`
  std::size_t max_nodes = 500'000;     ///< places in the tree of stacks; the lightest go to `[other]` below what called them
  std::size_t max_rows = 1'000'000;    ///< values; beyond that the tree, the windows and the tags are folded further
  std::size_t max_windows = 360;       ///< beyond that, windows that follow each other are merged
  std::string view;                    ///< what the page shows first, as in its address: `view=diff&split=1&left.tag.side=base`; empty: all
};

/// Windows gathered as they come, and the page of what there is so far. Within the limits at every moment, so that a service may run for
/// months. Profiles may be of several processes: those that begin at about the same time share a window, and tags of the process that are
/// not the same in all of them can be chosen in the page like other tags; so can the programs (`service_name`), where there are several.
class html_report {
 public:
  explicit html_report(const html_options& options = html_options())
      : title_(options.title), view_(options.view), data_({options.max_tag_values, options.max_nodes, options.max_rows, options.max_windows}) {}

  /// Sums by sample type stay those of the profiles; negative values are left out.
  void add(const profile& window) { data_.add(window); }

  /// Calls `sink(std::string_view)` with the parts of the page, in order.
  template <class Sink>
  void write(Sink&& sink) const {
    std::string bytes = data();
    const bool compressed = detail::compressor_slot.load(std::memory_order_acquire) != nullptr;
    if (compressed) bytes = gzip(bytes);
    for (const std::string_view part : html_template_head) sink(part);
    sink(compressed ? std::string_view("gzip\">") : std::string_view("raw\">"));
    detail::base64(bytes, sink);
    for (const std::string_view part : html_template_tail) sink(part);
  }

  std::string str() const {
    std::string page;
    write([&page](std::string_view part) { page.append(part); });
    return page;
  }

  /// Begin of the first window and time to the end of the last, in nanoseconds; 0 where there is none.
  std::int64_t time_ns() const noexcept { return data_.windows().empty() ? 0 : data_.windows().front().begin; }
  std::int64_t duration_ns() const noexcept {
    std::int64_t end = time_ns();
    for (const detail::report_window& w : data_.windows()) end = w.end > end ? w.end : end;
    return end - time_ns();
  }

  /// What the page holds, before compression and base64 (encode/report_layout.hpp).
  std::string data() const { return detail::report_layout::encode(data_, title_, view_); }

 private:
  std::string title_, view_;
  detail::report_data data_;
};

/// One profile as a page.
inline std::string encode_html(const profile& p, const html_options& options = html_options()) {
  html_report report(options);
  report.add(p);
  return report.str();
}

}  // namespace pyro
