#pragma once
// Hands profiles to exporters and keeps the ledger. One thread at a time; no lock of the collector or the registry is held.

#include <pyro/logger.hpp>
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
    failing_.clear();
  }
  /// In a forked child: what the parent's exporters hold is the parent's; they are left as they are, not even destroyed.
  void abandon() noexcept {
    new (&list_) std::vector<std::shared_ptr<exporter>>();
    new (&failing_) std::map<const exporter*, unsigned>();
    new (&counters_lock_) platform::mutex();
    windows_ = failures_ = exported_ = dropped_ = 0;
    lost_ = losses{};
  }

  bool empty() const noexcept { return list_.empty(); }
  const std::vector<std::shared_ptr<exporter>>& list() const noexcept { return list_; }

  void send(const profile& window) {
    const auto weight = static_cast<std::uint64_t>(window.total(1));
    bool all = true;
    for (const auto& e : list_) all &= attempt(*e, [&] { return e->export_profile(window); });
    platform::lock_guard hold(counters_lock_);
    (all ? exported_ : dropped_) += weight;
    if (all) ++windows_;
    add(lost_, window.lost);
  }

  bool flush(std::chrono::steady_clock::time_point deadline) {
    bool all = true;
    for (const auto& e : list_) {
      PYRO_TRY { all &= e->flush(deadline); }
      PYRO_CATCH_ALL { all = false; }
    }
    return all;
  }

  void finish() {
    for (const auto& e : list_) attempt(*e, [&] { return e->finish(); });
    list_.clear();  // a user's exporter is released when profiling stops, not at the end of the process
  }

  void fill(stats& s) noexcept {
    platform::lock_guard hold(counters_lock_);
    s.samples_exported = exported_;
    s.samples_dropped = dropped_;
    s.windows_exported = windows_;
    s.export_failures = failures_;
    s.lost = lost_;
  }

  bool sent_anything() const noexcept { return windows_ + failures_ != 0; }

 private:
  /// A failure is said once, and once more when it is over; not at each window.
  template <class Call>
  bool attempt(const exporter& e, Call&& call) {
    export_result result = export_result::failure("it threw an exception");
    PYRO_TRY { result = call(); }
    PYRO_CATCH_ALL {}
    unsigned& failed = failing_[&e];
    if (result.ok) {
      if (failed != 0) log_(log_level::warning, std::string("exporter ") + e.name() + ": works again after " + std::to_string(failed) + " failures");
      failed = 0;
      return true;
    }
    {
      platform::lock_guard hold(counters_lock_);
      ++failures_;
    }
    if (failed++ == 0) log_(log_level::error, std::string("exporter ") + e.name() + ": " + result.error + " (the window is lost; further failures are counted, not logged)");
    return false;
  }

  static void add(losses& sum, const losses& more) noexcept {
    sum.ring_full += more.ring_full;
    sum.foreign_signal += more.foreign_signal;
    sum.handler_replaced += more.handler_replaced;
    sum.timer_failed += more.timer_failed;
    sum.budget += more.budget;
    sum.tag_values += more.tag_values;
    sum.tag_cut += more.tag_cut;
    sum.threads += more.threads;
    sum.stacks += more.stacks;
  }

  detail::logger& log_;
  std::vector<std::shared_ptr<exporter>> list_;
  std::map<const exporter*, unsigned> failing_;
  platform::mutex counters_lock_;  // for the counters alone: never held while an exporter works
  std::uint64_t windows_ = 0, failures_ = 0, exported_ = 0, dropped_ = 0;
  losses lost_;
};

}  // namespace collect
}  // namespace pyro
