#pragma once
// Hands profiles to exporters and keeps the ledger. One thread at a time; no lock of the collector or the registry is held.

#include <pyro/export/uploader.hpp>
#include <pyro/logger.hpp>
#include <pyro/model/merge.hpp>
#include <pyro/stats.hpp>

#include <algorithm>  // find, max
#include <map>
#include <memory>

namespace pyro {
namespace collect PYRO_HIDDEN {

class exports {
 public:
  explicit exports(detail::logger& log) noexcept : log_(log) {}

  void replace(std::vector<std::shared_ptr<exporter>> list) {
    platform::lock_guard hold(counters_lock_);
    release(std::move(list));
    uploader_known_ = false;
  }

  /// The exporter for `server_address`, looked for at the first export, when all static initialisers have run: a file that includes the
  /// uploader may be initialised after the profiler has started.
  void add_uploader(const config& settings) {
    if (uploader_known_ || settings.server_address.empty()) return;
    uploader_known_ = true;
    const detail::make_uploader make = detail::uploader_slot.load();
    if (make == nullptr)
      return log_(log_level::warning, "server_address is set, but the uploader is not included: #include <pyro/export/pyroscope.hpp> beside "
                                      "pyro/profiler.hpp or pyro/auto.hpp (it needs Boost's headers); profiles are not pushed");
    std::string why_not;
    auto made = make(settings, [this](log_level level, const std::string& message) { log_(level, message); }, why_not);
    if (made == nullptr) return log_(log_level::error, why_not + "; profiles are not pushed");
    platform::lock_guard hold(counters_lock_);
    list_.push_back(std::move(made));
  }

  /// A new run: sums begin anew.
  void start_run() noexcept {
    platform::lock_guard hold(counters_lock_);
    sums_ = sums{};
    ended_ = delivery{};
  }

  /// In a forked child: what the parent's exporters hold is the parent's; they are left as they are, not even destroyed.
  void abandon() noexcept {
    new (&list_) std::vector<std::shared_ptr<exporter>>();
    new (&ledgers_) std::map<const exporter*, ledger>();
    new (&counters_lock_) platform::mutex();
    sums_ = sums{};
    ended_ = delivery{};
    ended_cpu_ns_ = 0;
    uploader_known_ = false;
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
    platform::lock_guard hold(counters_lock_);
    sums_.given += weight;
    ++sums_.windows;
    return all;
  }

  bool flush(std::chrono::steady_clock::time_point deadline) {
    bool all = true;
    for (const auto& e : list_) {
      bool delivered = false;
      PYRO_TRY { delivered = e->flush(deadline); }
      PYRO_CATCH_ALL {}
      if (delivered) {
        platform::lock_guard hold(counters_lock_);
        ledgers_[e.get()].told.queued = 0;
      }
      all &= delivered;
    }
    return all;
  }

  /// The end of the run: what an exporter still holds after this is lost.
  void finish() {
    for (const auto& e : list_) attempt(*e, 0, [&] { return e->finish(); });
    std::vector<std::shared_ptr<exporter>> done;  // a user's exporter is released when profiling stops, not at the end of the process
    platform::lock_guard hold(counters_lock_);
    done = list_;
    release({});
  }

  /// CPU time of the exporters' own threads. Any thread.
  std::int64_t cpu_ns() noexcept {
    platform::lock_guard hold(counters_lock_);
    std::int64_t sum = ended_cpu_ns_;
    for (const auto& e : list_) sum += e->cpu_ns();
    return sum;
  }

  void fill(stats& s) noexcept {
    platform::lock_guard hold(counters_lock_);
    const delivery now = worst(sums_.given);  // exporters with threads of their own have gone on since the last window
    s.samples_exported = now.sent;
    s.samples_queued = now.queued;
    s.samples_dropped = now.dropped;
    s.samples_uncertain = now.uncertain;
    s.windows = sums_.windows;
    s.export_failures = sums_.failures;
    s.lost = sums_.lost;
  }
  std::uint64_t sent() noexcept {
    platform::lock_guard hold(counters_lock_);
    return sums_.given;
  }
  bool sent_anything() noexcept {
    platform::lock_guard hold(counters_lock_);
    return sums_.windows != 0;
  }

 private:
  struct ledger {
    delivery told;          ///< by its results, in samples
    unsigned failures = 0;  ///< in a row
  };
  struct sums {
    std::uint64_t windows = 0, failures = 0, given = 0;
    losses lost;
  };

  /// Other exporters from here on; what those so far still hold is lost with them. Under the lock.
  void release(std::vector<std::shared_ptr<exporter>> next) {
    ended_ = worst(sums_.given);
    ended_.dropped += ended_.queued;
    ended_.queued = 0;
    for (const auto& e : list_) ended_cpu_ns_ += e->cpu_ns();
    ledgers_.clear();
    list_ = std::move(next);
  }

  /// A failure is said once, and once more when it is over; not at each window.
  template <class Call>
  bool attempt(const exporter& e, std::uint64_t weight, Call&& call) {
    export_result result = export_result::failure("it threw an exception");
    PYRO_TRY { result = call(); }
    PYRO_CATCH_ALL {}
    unsigned failures = 0;
    {
      platform::lock_guard hold(counters_lock_);
      ledger& own = ledgers_[&e];
      failures = own.failures;
      own.failures = result.ok ? 0 : failures + 1;
      if (result.ok) own.told.queued = 0;
      else (result.kept ? own.told.queued : own.told.dropped) += weight;
      if (!result.ok) ++sums_.failures;
    }
    if (result.ok && failures != 0)
      log_(log_level::warning, std::string("exporter ") + e.name() + ": works again after " + std::to_string(failures) + " failures");
    if (!result.ok && failures == 0)
      log_(log_level::error, std::string("exporter ") + e.name() + ": " + result.error +
                                 (result.kept ? " (kept, to be tried again" : " (the window is lost") + "; further failures are counted, not logged)");
    return result.ok;
  }

  /// What became of `given` samples. One counts as delivered where every exporter has delivered it, so the worst of them speaks for all.
  delivery worst(std::uint64_t given) const noexcept {
    delivery all = ended_;
    for (const auto& e : list_) {
      delivery own;
      const auto known = ledgers_.find(e.get());
      if (!e->report(own) && known != ledgers_.end()) own = known->second.told;
      all.dropped = std::max(all.dropped, own.dropped);
      all.uncertain = std::max(all.uncertain, own.uncertain);
      all.queued = std::max(all.queued, own.queued);
    }
    all.dropped = std::min(all.dropped, given);
    all.uncertain = std::min(all.uncertain, given - all.dropped);
    all.queued = std::min(all.queued, given - all.dropped - all.uncertain);
    all.sent = given - all.dropped - all.uncertain - all.queued;
    return all;
  }

  detail::logger& log_;
  std::vector<std::shared_ptr<exporter>> list_;     ///< changed by one thread alone, under the lock
  std::map<const exporter*, ledger> ledgers_;
  platform::mutex counters_lock_;                   ///< never held while an exporter works
  sums sums_;
  delivery ended_;                                  ///< of exporters that are released
  std::int64_t ended_cpu_ns_ = 0;
  bool uploader_known_ = false;
};

}  // namespace collect
}  // namespace pyro
