#pragma once
// Writes profiles to files: one of the whole run, or one a window. Readers never see half a file. Threads: as every exporter.
//
// A name without %w and %n is one file of the whole run, rewritten at each window; at fewer once that takes more than a
// hundredth of the time. With %w or %n there is one file a window; windows without a row get none, and of the files this
// exporter wrote itself the oldest go when there are too many.
// What could not be written is not lost: the next window, `flush` or `finish` tries again, with all of it.

#include <pyro/encode/folded.hpp>
#include <pyro/encode/html.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/encode/text.hpp>
#include <pyro/export/atomic_file.hpp>
#include <pyro/export/exporter.hpp>
#include <pyro/export/file_name.hpp>
#include <pyro/model/merge.hpp>

#include <chrono>   // deadlines
#include <cstdint>  // sizes
#include <deque>    // files written, oldest first
#include <optional> // a report that starts anew
#include <string>   // paths
#include <utility>  // move

namespace pyro {

enum class file_format { text, folded, pprof, html };

struct file_options {
  file_format format = file_format::pprof;
  std::string path;                                  ///< may have placeholders: %p %h %w %n %%
  std::size_t file_count = 1000;                     ///< most files kept where there is one a window; 0: no limit
  std::uint64_t file_bytes = std::uint64_t{1} << 30; ///< most bytes in those files; the newest always stays; 0: no limit
  bool sync = false;                                 ///< wait for the disk: survives a loss of power, can take long
  merge_limits limits;                               ///< of the run
  html_options html = page_of_a_service();           ///< of a page: its title and limits

  /// Less than a report of files may hold: it is gathered in the program's own memory, some 30 MiB at the very most.
  static html_options page_of_a_service() {
    html_options o;
    o.max_nodes = 200'000;
    o.max_rows = 500'000;
    return o;
  }
};

namespace detail {

/// Windows that are yet to be written: the run so far, or what could not be written. As one profile; a page has them side by side.
class held_windows {
 public:
  explicit held_windows(const file_options& options) : format_(options.format), html_(options.html), run_(options.limits) {}

  void add(const profile& window) {
    ++count_;
    if (format_ != file_format::html) return run_.add(window);
    if (!page_) page_.emplace(html_);
    page_->add(window);
  }
  std::size_t count() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  void clear() {
    count_ = 0;
    run_.clear();
    page_.reset();
  }

  std::int64_t time_ns() const noexcept { return page_ ? page_->time_ns() : run_.result().time_ns; }
  std::int64_t duration_ns() const noexcept { return page_ ? page_->duration_ns() : run_.result().duration_ns; }

  std::string encode() const { return page_ ? page_->str() : encode_one(run_.result()); }
  /// One window, without holding it.
  std::string encode_one(const profile& p) const {
    switch (format_) {
      case file_format::text: return encode_text(p);
      case file_format::folded: return encode_folded(p);
      case file_format::html: return encode_html(p, html_);
      default: return encode_pprof(p);
    }
  }

 private:
  file_format format_;
  html_options html_;
  profile_run run_;
  std::optional<html_report> page_;
  std::size_t count_ = 0;
};

}  // namespace detail

class file_exporter : public exporter {
 public:
  explicit file_exporter(file_options options)
      : options_(std::move(options)), pattern_(options_.path), held_(options_), process_(::getpid()) {}

  const char* name() const noexcept override { return "file"; }

  /// Empty, or what is wrong with the file name. Then every export fails with it.
  const std::string& error() const noexcept { return pattern_.error(); }

  export_result export_profile(const profile& window) override {
    if (!error().empty()) return export_result::failure(error());
    forget_parent();
    if (!pattern_.per_window()) {
      held_.add(window);
      dirty_ = true;
      // An idle window only moves the end of the run.
      const bool news = !window.samples.empty() || held_.count() == 1 || failed_;
      since_write_ns_ += window.duration_ns;
      if (news && since_write_ns_ >= pause_ns_) return write_held();
      return failed_ ? export_result::retry_later(why_) : export_result::success();  // it does not work again before it has been tried
    }
    if (window.samples.empty() && held_.empty()) return export_result::success();
    if (!held_.empty()) {
      held_.add(window);
      return write_held();
    }
    const export_result result = write_window(window.time_ns, window.duration_ns, held_.encode_one(window));
    if (!result.ok && !written_) {
      held_.add(window);
      dirty_ = true;
    }
    return result;
  }

  bool flush(std::chrono::steady_clock::time_point) override {
    forget_parent();
    return !dirty_ || write_held().ok;
  }

  /// A child can only write to files of its own.
  bool after_fork() noexcept override {
    forget_parent();
    return pattern_.per_process();
  }

  export_result finish() override {
    forget_parent();
    return dirty_ ? write_held() : export_result::success();
  }

 private:
  struct file {
    std::string path;
    std::uint64_t bytes;
  };

  /// In a child of fork the windows so far are the parent's to write, and its files are not ours to remove.
  void forget_parent() {
    if (process_ == ::getpid()) return;
    process_ = ::getpid();
    held_.clear();
    files_.clear();
    bytes_ = 0;
    dirty_ = failed_ = false;
    pause_ns_ = 0;
  }

  /// What is held: the run, or windows that could not be written so far, as one.
  export_result write_held() {
    if (pattern_.per_window()) {
      const export_result result = write_window(held_.time_ns(), held_.duration_ns(), held_.encode());
      if (written_) {
        held_.clear();
        dirty_ = false;
      }
      return result;
    }
    const auto begin = std::chrono::steady_clock::now();
    const std::string why = detail::write_atomically(pattern_.expand(0, 0, 0), held_.encode(), options_.sync);
    const std::chrono::nanoseconds took = std::chrono::steady_clock::now() - begin;
    pause_ns_ = 100 * took.count();
    since_write_ns_ = 0;
    dirty_ = failed_ = !why.empty();
    why_ = why;
    return why.empty() ? export_result::success() : export_result::retry_later(why);
  }

  /// Sets `written_`: the result can be a failure although the file was written, where an older one could not be removed.
  export_result write_window(std::int64_t time_ns, std::int64_t duration_ns, const std::string& bytes) {
    const std::string path = new_path(time_ns, duration_ns);
    const std::string why = detail::write_atomically(path, bytes, options_.sync);
    written_ = why.empty();
    if (!written_) return export_result::retry_later(why);
    ++number_;
    files_.push_back({path, bytes.size()});
    bytes_ += bytes.size();
    return remove_oldest();
  }

  /// A name that this exporter has not used: the clock may have been set back, windows may be short.
  std::string new_path(std::int64_t time_ns, std::int64_t duration_ns) const {
    const auto used = [this](const std::string& path) {
      for (const file& f : files_)
        if (f.path == path) return true;
      return false;
    };
    const bool short_window = duration_ns < 1'000'000'000;
    std::string path;
    for (std::size_t digits = short_window ? 3 : 0; digits <= 9; digits += 3) {
      path = pattern_.expand(time_ns, digits, number_);
      if (!used(path)) return path;
    }
    return path + "." + std::to_string(number_);
  }

  export_result remove_oldest() {
    std::string why;
    const auto too_many = [this] {
      return (options_.file_count != 0 && files_.size() > options_.file_count) ||
             (options_.file_bytes != 0 && bytes_ > options_.file_bytes);
    };
    while (files_.size() > 1 && too_many()) {
      const file oldest = files_.front();
      files_.pop_front();
      bytes_ -= oldest.bytes;
      // One that cannot be removed is told once, then left to the user. One that is gone was moved away by the user.
      if (::unlink(oldest.path.c_str()) != 0 && errno != ENOENT && why.empty())
        why = "cannot remove the old file \"" + oldest.path + "\": " + detail::error_text(errno) + "; remove it by hand";
    }
    return why.empty() ? export_result::success() : export_result::retry_later(why);
  }

  file_options options_;
  detail::file_pattern pattern_;
  detail::held_windows held_;
  bool dirty_ = false;    // what is held is not, or not as it is now, in a file
  bool failed_ = false;   // the last write of the run
  std::string why_;       // it did
  bool written_ = false;  // the last window reached a file
  std::int64_t pause_ns_ = 0;        // least time of the run between two writes of its file
  std::int64_t since_write_ns_ = 0;  // time of the run since the last one
  std::uint64_t number_ = 1;
  std::deque<file> files_;
  std::uint64_t bytes_ = 0;
  ::pid_t process_;
};

}  // namespace pyro
