#pragma once
// The report of the whole run, written to stderr when profiling stops: what `PYRO=report ./program` prints.
// Threads: as every exporter.

#include <pyro/encode/text.hpp>
#include <pyro/export/exporter.hpp>
#include <pyro/export/io.hpp>
#include <pyro/model/merge.hpp>

#include <cstdio>  // FILE
#include <string>  // messages

namespace pyro {

class report_exporter : public exporter {
 public:
  explicit report_exporter(std::FILE* file = stderr, const merge_limits& limits = merge_limits()) : file_(file), run_(limits) {}

  const char* name() const noexcept override { return "report"; }

  export_result export_profile(const profile& window) override {
    run_.add(window);
    return export_result::success();
  }

  export_result finish() override {
    const std::string text = encode_text(run_.result());
    run_.clear();  // a second call has nothing to say
    const int error = text.empty() ? 0 : detail::write_stream(file_, "\n" + text);
    if (error == 0) return export_result::success();
    return export_result::failure("cannot write the report: " + detail::error_text(error) +
                                  "; write it to a file instead (PYRO=text:FILE)");
  }

 private:
  std::FILE* file_;
  profile_run run_;
};

}  // namespace pyro
