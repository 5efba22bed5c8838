#pragma once
// Hands profiles to exporters and keeps the ledger. One thread at a time; no lock of the collector or the registry is held.

#include <pyro/logger.hpp>
#include <pyro/model/merge.hpp>
#include <pyro/stats.hpp>

#include <map>
#include <memory>

namespace pyro {
namespace collect PYRO_HIDDEN {

class exports {
 public:
  explicit exports(detail::logger& log) noexcept : log_(log) {}

  void replace(std::vector<std::shared_ptr<exporter>> list) {
    list_ = std::move(list);
    ledgers_.clear();
  }

  /// A new run: sums begin anew.
  void start_run() noexcept {
    platform::lock_guard hold(counters_lock_);
    sums_ = sums{};
  }

  /// In a forked child: what the parent's exporters hold is the parent's; they are left as they are, not even destroyed.
  void abandon() noexcept {
    new (&list_) std::vector<std::shared_ptr<exporter>>();
    new (&ledgers_) std::map<const exporter*, ledger>();
    new (&counters_lock_) platform::mutex();
    sums_ = sums{};
  }

  bool empty() const noexcept { return list_.empty(); }
  /// Losses count also where the window has no row and is not sent.
  void count(const losses& window) noexcept {
    platform::lock_guard hold(counters_lock_);
    detail::add_losses(sums_.lost, window);
  }

  /// True where every exporter delivered it.
  bool send(const profile& window) {
    const auto weight = static_cast<std::uint64_t>(window.total(1));
    bool all = true;
    for (const auto& e : list_) all &= attempt(*e, weight, [&] { return e->export_profile(window); });
    settle(weight, 1);
    return all;
  }

  bool flush(std::chrono::steady_clock::time_point deadline) {
    bool all = true;
    for (const auto& e : list_) {
      bool delivered = false;
      PYRO_TRY { delivered = e->flush(deadline); }
      PYRO_CATCH_ALL {}
      if (delivered) ledgers_[e.get()].held = 0;
      all &= delivered;
    }
    settle(0, 0);
    return all;
  }

  /// The end of the run: what an exporter still holds after this is lost.
  void finish() {
    for (const auto& e : list_) {
      attempt(*e, 0, [&] { return e->finish(); });
      ledger& own = ledgers_[e.get()];
      own.lost += own.held;
      own.held = 0;
    }
    settle(0, 0);
    list_.clear();  // a user's exporter is released when profiling stops, not at the end of the process
  }

  void fill(stats& s) noexcept {
    platform::lock_guard hold(counters_lock_);
    s.samples_queued = sums_.queued;
    s.samples_dropped = sums_.dropped;
    s.samples_exported = sums_.sent - sums_.queued - sums_.dropped;
    s.windows = sums_.windows;
    s.export_failures = sums_.failures;
    s.lost = sums_.lost;
  }
  std::uint64_t sent() noexcept {
    platform::lock_guard hold(counters_lock_);
    return sums_.sent;
  }
  bool sent_anything() noexcept {
    platform::lock_guard hold(counters_lock_);
    return sums_.windows != 0;
  }

 private:
  /// Of one exporter, in samples.
  struct ledger {
    std::uint64_t held = 0;
    std::uint64_t lost = 0;
    unsigned failures = 0;  ///< in a row
  };
  struct sums {
    std::uint64_t windows = 0, failures = 0, sent = 0, queued = 0, dropped = 0;
    losses lost;
  };

  /// A failure is said once, and once more when it is over; not at each window.
  template <class Call>
  bool attempt(const exporter& e, std::uint64_t weight, Call&& call) {
    export_result result = export_result::failure("it threw an exception");
    PYRO_TRY { result = call(); }
    PYRO_CATCH_ALL {}
    ledger& own = ledgers_[&e];
    if (result.ok) {
      own.held = 0;
      if (own.failures != 0)
        log_(log_level::warning, std::string("exporter ") + e.name() + ": works again after " + std::to_string(own.failures) + " failures");
      own.failures = 0;
      return true;
    }
    (result.kept ? own.held : own.lost) += weight;
    {
      platform::lock_guard hold(counters_lock_);
      ++sums_.failures;
    }
    if (own.failures++ == 0)
      log_(log_level::error, std::string("exporter ") + e.name() + ": " + result.error +
                                 (result.kept ? " (kept, to be tried again" : " (the window is lost") + "; further failures are counted, not logged)");
    return false;
  }

  /// A sample counts as delivered where every exporter has delivered it; so the worst of them speaks for all.
  void settle(std::uint64_t weight, std::uint64_t windows) noexcept {
    std::uint64_t queued = 0, dropped = 0;
    for (const auto& each : ledgers_) {
      if (each.second.lost > dropped) dropped = each.second.lost;
      if (each.second.held > queued) queued = each.second.held;
    }
    platform::lock_guard hold(counters_lock_);
    sums_.sent += weight;
    sums_.windows += windows;
    sums_.dropped = dropped < sums_.sent ? dropped : sums_.sent;
    sums_.queued = queued < sums_.sent - sums_.dropped ? queued : sums_.sent - sums_.dropped;
  }

  detail::logger& log_;
  std::vector<std::shared_ptr<exporter>> list_;
  std::map<const exporter*, ledger> ledgers_;
  platform::mutex counters_lock_;  // for the sums alone: never held while an exporter works
  sums sums_;
};

}  // namespace collect
}  // namespace pyro
