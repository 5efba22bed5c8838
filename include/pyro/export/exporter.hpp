#pragma once
// What an exporter is: it takes finished profiles, one a window, on pyro's worker thread.
// Write your own in twenty lines: derive from `exporter`, put a shared_ptr to it into `config::exporters`.

#include <pyro/model/profile.hpp>

#include <chrono>   // deadlines
#include <cstdint>  // ledger
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

/// What became of the samples that an exporter was given, in expiries of the sampler.
struct delivery {
  std::uint64_t sent = 0;       ///< acknowledged by the other side
  std::uint64_t queued = 0;     ///< waits here, or is under way
  std::uint64_t dropped = 0;    ///< given up: no room, refused, too old, no time left
  std::uint64_t uncertain = 0;  ///< went out whole, and no answer said what became of it; not sent again, since that could count it twice
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

  /// Exporters that deliver after `export_profile` has returned keep this ledger themselves: its sum is what they were given, and what it
  /// does not have counts as dropped. Any thread, at any time, must not block. False: `export_result` tells it all.
  virtual bool report(delivery& /*out*/) const noexcept { return false; }

  /// The end has come and somebody is still in another member: threads of its own must end now, briefly. Any thread, at any time.
  virtual void cut_off() noexcept {}

  /// CPU time of threads of its own so far: counts as pyro's own cost. Any thread.
  virtual std::int64_t cpu_ns() const noexcept { return 0; }

  /// In a forked child, before its first window. True where this exporter serves the child too, and has dropped what it still held
  /// for the parent; the default leaves it to the parent. Outputs by name are made anew for the child and need not care.
  virtual bool after_fork() noexcept { return false; }

  /// The last call: profiling has stopped. Exporters that write at the end (report) do so here.
  virtual export_result finish() { return export_result::success(); }
};

}  // namespace pyro
