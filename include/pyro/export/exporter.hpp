#pragma once
// What an exporter is: it takes finished profiles, one a window, on pyro's worker thread.
// Write your own in twenty lines: derive from `exporter`, put a shared_ptr to it into `config::exporters`.

#include <pyro/model/profile.hpp>

#include <chrono>  // deadlines
#include <string>
#include <utility>  // move

namespace pyro {

/// Outcome of one export. `error` says what failed and what to do; it reaches the user through the log callback. `kept`: the exporter
/// holds what it was given and tries again, so nothing is lost yet; success means that everything held so far is delivered.
struct export_result {
  bool ok = true;
  std::string error;
  bool kept = false;

  static export_result success() { return {}; }
  static export_result failure(std::string why) { return {false, std::move(why), false}; }
  static export_result retry_later(std::string why) { return {false, std::move(why), true}; }
};

/// Receives each window's profile. All members are called by one thread at a time (pyro's worker, or the thread that runs
/// `flush`, `stop` or exit), never from a signal handler, with no lock of pyro held. Exceptions are caught and logged.
class exporter {
 public:
  exporter() = default;
  exporter(const exporter&) = delete;
  exporter& operator=(const exporter&) = delete;
  virtual ~exporter() = default;

  /// Short name for messages, such as "file".
  virtual const char* name() const noexcept = 0;

  /// One window. May block for I/O: it delays later windows, never the program's threads.
  virtual export_result export_profile(const profile& window) = 0;

  /// Everything handed over so far should be delivered by `deadline`. False where something is still undelivered.
  virtual bool flush(std::chrono::steady_clock::time_point /*deadline*/) { return true; }

  /// In a forked child, before its first window. True where this exporter serves the child too, and has dropped what it still held
  /// for the parent; the default leaves it to the parent. Outputs by name are made anew for the child and need not care.
  virtual bool after_fork() noexcept { return false; }

  /// The last call: profiling has stopped. Exporters that write at the end (report) do so here.
  virtual export_result finish() { return export_result::success(); }
};

}  // namespace pyro
