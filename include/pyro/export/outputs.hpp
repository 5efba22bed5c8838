#pragma once
// Makes exporters of the list in `config::outputs` and `PYRO`: "report,pprof:cpu-%p.pb.gz".
// Any thread. Never throws; a bad entry is left out with an error, the good ones stay.
//
//   report                  the whole run as text on stderr, at its end
//   text, folded            each window on stdout
//   text:FILE, folded:FILE, pprof:FILE, html:FILE
//   null                    nowhere (to measure)
//   doctor                  no profile: what keeps profiles from being better, on stderr when profiling starts (pyro/doctor.hpp)
//   off                     no profiling at all; wins over everything else
//
// A file name can't contain a comma; it may have the placeholders of file_name.hpp.

#include <pyro/export/file.hpp>
#include <pyro/export/null.hpp>
#include <pyro/export/report.hpp>
#include <pyro/export/stdout.hpp>

#include <algorithm>  // min
#include <memory>     // exporters are shared with their maker
#include <string>     // the list
#include <utility>    // move
#include <vector>     // exporters

namespace pyro {

struct outputs {
  std::vector<std::shared_ptr<exporter>> exporters;
  std::vector<std::string> errors;  ///< one a bad entry: its text, what is wrong, what is allowed
  bool off = false;
  bool doctor = false;
};

namespace detail {

inline std::string trimmed(const std::string& s) {
  const char* const blank = " \t\r\n";
  const std::size_t first = s.find_first_not_of(blank);
  return first == std::string::npos ? std::string() : s.substr(first, s.find_last_not_of(blank) - first + 1);
}

class output_parser {
 public:
  output_parser(outputs& out, const file_options& files) : out_(out), files_(files) {}

  void add(const std::string& entry) {
    const std::size_t colon = entry.find(':');
    std::string kind = trimmed(entry.substr(0, colon));
    for (char& c : kind)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const std::string file = colon == std::string::npos ? std::string() : trimmed(entry.substr(colon + 1));
    const auto fail = [&](const std::string& why) { out_.errors.push_back("output \"" + entry + "\": " + why); };
    const bool bare = colon == std::string::npos;

    if (kind == "off" || kind == "report" || kind == "null" || kind == "doctor") {
      if (!bare) return fail(kind + " takes no file name" + (kind == "report" ? "; for a file say text:FILE" : ""));
      if (kind == "off") out_.off = true;
      else if (kind == "doctor") out_.doctor = true;
      else if (kind == "report") out_.exporters.push_back(std::make_shared<report_exporter>(stderr, files_.limits));
      else out_.exporters.push_back(std::make_shared<null_exporter>());
      return;
    }
    const bool text = kind == "text", folded = kind == "folded", pprof = kind == "pprof", html = kind == "html";
    if (!text && !folded && !pprof && !html)
      return fail("there is no output \"" + kind +
                  "\"; there are report, text, text:FILE, folded, folded:FILE, pprof:FILE, html:FILE, null, doctor and off");
    if (bare && (text || folded)) {
      out_.exporters.push_back(std::make_shared<stdout_exporter>(text ? stream_format::text : stream_format::folded));
      return;
    }
    if (file.empty()) return fail(kind + " needs a file name: " + kind + ":FILE" + (pprof ? ", such as pprof:cpu-%p.pb.gz" : html ? ", such as html:report.html" : ""));
    file_options options = files_;
    options.path = file;
    options.format = text ? file_format::text : folded ? file_format::folded : html ? file_format::html : file_format::pprof;
    auto made = std::make_shared<file_exporter>(options);
    if (!made->error().empty()) return fail(made->error());
    for (const std::string& other : taken_)
      if (other == file) return fail("another output writes to the same file");
    taken_.push_back(file);
    out_.exporters.push_back(std::move(made));
  }

 private:
  outputs& out_;
  const file_options& files_;
  std::vector<std::string> taken_;
};

}  // namespace detail

/// Parses a comma-separated list of outputs. `files` has the limits for those that write files; its path and format are not used.
/// Spaces around entries don't matter, empty entries neither.
inline outputs parse_outputs(const std::string& list, const file_options& files = file_options()) {
  outputs out;
  detail::output_parser parser(out, files);
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    const std::string entry = detail::trimmed(list.substr(begin, comma - begin));
    if (!entry.empty()) parser.add(entry);
    begin = comma + 1;
  }
  if (out.off) out.exporters.clear();
  return out;
}

}  // namespace pyro
