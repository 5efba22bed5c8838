#pragma once
// Writes each window as text or folded stacks to a stream, stdout by default. Never raises SIGPIPE, never waits for long.
// Threads: as every exporter.

#include <pyro/encode/folded.hpp>
#include <pyro/encode/text.hpp>
#include <pyro/export/exporter.hpp>
#include <pyro/export/io.hpp>

#include <cstdio>  // FILE
#include <string>  // what is written

namespace pyro {

enum class stream_format { text, folded };

/// Windows without a row print nothing; a run without any prints one report at its end that says so (text).
class stdout_exporter : public exporter {
 public:
  explicit stdout_exporter(stream_format format = stream_format::text, std::FILE* file = stdout) : format_(format), file_(file) {}

  const char* name() const noexcept override { return "stdout"; }

  export_result export_profile(const profile& window) override {
    if (window.samples.empty()) {
      if (!any_) last_empty_ = window;
      return last_;
    }
    any_ = true;
    return write(format_ == stream_format::text ? encode_text(window) + "\n" : encode_folded(window));
  }

  bool after_fork() noexcept override { return true; }

  export_result finish() override {
    if (any_ || format_ != stream_format::text) return last_;
    any_ = true;
    return write(encode_text(last_empty_));
  }

 private:
  export_result write(const std::string& text) {
    const int error = detail::write_stream(file_, text);
    if (error == 0) return last_ = export_result::success();
    const char* which = file_ == stdout ? "standard output" : file_ == stderr ? "standard error" : "the stream";
    return last_ = export_result::failure(std::string("cannot write to ") + which + ": " + detail::error_text(error) +
                                          "; write to a file instead (PYRO=text:FILE)");
  }

  stream_format format_;
  std::FILE* file_;
  bool any_ = false;
  profile last_empty_;
  export_result last_;  // of the last write: an idle window does not mend a broken pipe
};

}  // namespace pyro
