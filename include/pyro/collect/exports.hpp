#pragma once
// Hands profiles to exporters and keeps the ledger. One thread at a time; no lock of the collector or the registry is held.

#include <pyro/export/live_view.hpp>
#include <pyro/export/outputs.hpp>
#include <pyro/export/uploader.hpp>
#include <pyro/logger.hpp>
#include <pyro/model/merge.hpp>
#include <pyro/stats.hpp>

#include <algorithm>  // max, min
#include <cmath>      // square root
#include <memory>
#include <vector>

namespace pyro {
namespace collect PYRO_HIDDEN {

class exports {
 public:
  explicit exports(detail::logger& log) noexcept : log_(log) {}

  /// The outputs that are named there, and the program's own exporters.
  void replace(const config& settings) {
    file_options files;
    files.file_count = static_cast<std::size_t>(settings.file_count);
    files.file_bytes = settings.file_bytes;
    outputs made = parse_outputs(settings.outputs, files);
    for (const std::string& error : made.errors) log_(log_level::error, error);
    for (const auto& own : settings.exporters)
      if (own != nullptr) made.exporters.push_back(own);
    replace(std::move(made.exporters));
  }
  void replace(std::vector<std::shared_ptr<exporter>> list) {
    std::vector<member> next;
    for (auto& e : list) next.emplace_back(std::move(e));
    platform::lock_guard hold(counters_lock_);
    release(next);
  }

  /// Ends the exporters' own threads; what they still hold is lost. Any thread, also while another is in an exporter.
  void cut_off() noexcept {
    std::vector<std::shared_ptr<exporter>> all;
    PYRO_TRY {
      platform::lock_guard hold(counters_lock_);
      for (const member& m : list_) all.push_back(m.to);
    }
    PYRO_CATCH_ALL {}
    for (const auto& e : all) e->cut_off();
  }

  /// The exporter for `server_address`, looked for at the first export, when all static initialisers have run: a file that includes the
  /// uploader may be initialised after the profiler has started. True where it was added now.
  bool add_uploader(const config& settings) {
    if (uploader_known_ || settings.server_address.empty()) return false;
    uploader_known_ = true;
    {
      platform::lock_guard hold(counters_lock_);
      uploader_missing_ = true;  // until it is there
    }
    std::string why_not;
    std::shared_ptr<exporter> made;
    const detail::make_uploader make = detail::uploader_slot.load();
    if (make != nullptr)
      made = make(settings, [this](log_level level, const std::string& message) { log_(level, message); }, why_not);
    else
      why_not = "server_address is set, but the uploader is not included: #include <pyro/export/pyroscope.hpp> beside pyro/profiler.hpp or "
                "pyro/auto.hpp (it needs Boost's headers), in a file that is linked into the program itself, not one of a static library";
    if (made == nullptr) log_(make == nullptr ? log_level::warning : log_level::error, why_not + "; profiles are not pushed");
    platform::lock_guard hold(counters_lock_);
    uploader_missing_ = made == nullptr;
    if (made != nullptr) list_.emplace_back(std::move(made));
    return !uploader_missing_;
  }

  /// The live view for `serve_address`: at once where it is included, since its port should be open when `configure` returns; where a static
  /// initialiser may still bring it, until `give_up`. True where it was added now.
  bool add_live_view(const config& settings, detail::cut_window cut, bool give_up) {
    if (settings.serve_address.empty() || live_known_) return false;
    const detail::make_live_view make = detail::live_view_slot.load();
    live_known_ = make != nullptr || give_up;
    core::store_relaxed(live_awaited_, !live_known_);
    if (!live_known_) return false;
    std::string why_not;
    std::shared_ptr<live_view> made;
    if (make != nullptr)
      made = make(settings, [this](log_level level, const std::string& message) { log_(level, message); }, std::move(cut), why_not);
    else
      why_not = "serve_address (PYRO_SERVE) is set, but the live view is not included: #include <pyro/export/serve.hpp> beside pyro/profiler.hpp or "
                "pyro/auto.hpp (it needs Boost's headers), in a file that is linked into the program itself, not one of a static library";
    if (made == nullptr) {
      log_(make == nullptr ? log_level::warning : log_level::error, why_not + "; there is no live view, the program goes on");
      return false;
    }
    platform::lock_guard hold(counters_lock_);
    list_.emplace_back(made);
    live_ = std::move(made);
    return true;
  }
  bool awaits_live_view() const noexcept { return core::load_relaxed(live_awaited_); }

  /// A piece of a window, or its end, to whom wants to see such.
  void show(const profile& piece, std::uint64_t answered, bool ends_window) noexcept {
    if (live_ != nullptr) live_->add_piece(piece, answered, ends_window);
  }

  /// A new run: sums begin anew.
  void start_run() noexcept {
    platform::lock_guard hold(counters_lock_);
    sums_ = sums{};
    ended_ = delivery{};
    ended_cpu_ns_ = 0;
  }

  /// In a forked child: what the parent's exporters hold is the parent's; they are left as they are, not even destroyed.
  void abandon() noexcept {
    new (&list_) std::vector<member>();
    new (&counters_lock_) platform::mutex();
    sums_ = sums{};
    ended_ = delivery{};
    ended_cpu_ns_ = 0;
    uploader_known_ = uploader_missing_ = live_known_ = live_awaited_ = false;
    new (&live_) std::shared_ptr<live_view>();
  }

  bool empty() noexcept {
    platform::lock_guard hold(counters_lock_);
    return list_.empty();
  }
  /// Losses count also where the window has no row and is not sent.
  void count(const profile& window) noexcept {
    platform::lock_guard hold(counters_lock_);
    detail::add_losses(sums_.lost, window.lost);
    detail::add_native(sums_.native, window.native);
  }

  /// True where every exporter delivered it.
  bool send(const profile& window) {
    const auto weight = static_cast<std::uint64_t>(window.total(1));
    {
      platform::lock_guard hold(counters_lock_);
      sums_.given += weight;  // under way from here on: what asynchronous exporters say of it is never ahead
      for (member& m : list_) m.told.queued += weight;
    }
    bool all = !uploader_missing_;
    for (member& m : list_) all &= attempt(m, weight, [&] { return m.to->export_profile(window); });
    platform::lock_guard hold(counters_lock_);
    ++sums_.windows;
    return all;
  }

  /// Each exporter gets its share of the time, and those that still hold something what the others left: one whose server is away does not
  /// take it from the others.
  bool flush(std::chrono::steady_clock::time_point deadline) {
    bool all = true;
    std::vector<member*> late;
    auto left = static_cast<int>(list_.size());
    for (member& m : list_) {
      const auto now = std::chrono::steady_clock::now();
      if (flush(m, now + (deadline - now) / left--)) continue;
      delivery own;
      std::uint64_t missing = 0;
      if (ask(m, own, missing) && own.queued != 0) late.push_back(&m);
      else all = false;
    }
    for (member* m : late) all &= std::chrono::steady_clock::now() < deadline && flush(*m, deadline);
    return all;
  }

  /// The end of the run: what an exporter still holds after this is lost.
  void finish() {
    for (member& m : list_) attempt(m, 0, [&] { return m.to->finish(); });
    std::vector<member> none;  // a user's exporter is released when profiling stops, not at the end of the process
    platform::lock_guard hold(counters_lock_);
    release(none);
  }

  /// CPU time of the exporters' own threads in this run. Any thread.
  std::int64_t cpu_ns() noexcept {
    platform::lock_guard hold(counters_lock_);
    return ended_cpu_ns_ + cpu_of_list();
  }

  void fill(stats& s) noexcept {
    platform::lock_guard hold(counters_lock_);
    const delivery now = outcome();  // exporters with threads of their own have gone on since the last window
    s.samples_exported = now.sent;
    s.samples_queued = now.queued;
    s.samples_dropped = now.dropped;
    s.samples_uncertain = now.uncertain;
    s.windows = sums_.windows;
    s.export_failures = sums_.failures;
    s.lost = sums_.lost;
    s.native = sums_.native;
  }
  /// `drained`: samples that came out of the rings so far. What no exporter was given is in the open window.
  static void balance(stats& s, std::uint64_t drained) noexcept {
    const std::uint64_t given = s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain;
    s.samples_open = drained > given ? drained - given : 0;
    s.samples_produced = given + s.samples_open + s.lost.ring_full;
    if (const std::uint64_t seen = given + s.samples_open; seen != 0) s.share_error = 98 / std::sqrt(static_cast<double>(seen));
  }
  bool sent_anything() noexcept {
    platform::lock_guard hold(counters_lock_);
    return sums_.windows != 0;
  }

 private:
  /// An exporter and what it has told by its results. What it reported before it came here is of another run.
  struct member {
    explicit member(std::shared_ptr<exporter> e) noexcept : to(std::move(e)), cpu_before_ns(to->cpu_ns()) { to->report(before); }

    std::shared_ptr<exporter> to;
    delivery told, before;
    std::int64_t cpu_before_ns;
    unsigned failures = 0;  ///< in a row
  };
  struct sums {
    std::uint64_t windows = 0, failures = 0, given = 0;
    losses lost;
    native_stacks native;
  };

  bool flush(member& m, std::chrono::steady_clock::time_point deadline) {
    bool delivered = false;
    PYRO_TRY { delivered = m.to->flush(deadline); }
    PYRO_CATCH_ALL {}
    if (delivered) {
      platform::lock_guard hold(counters_lock_);
      m.told.queued = 0;
    }
    return delivered;
  }

  /// Other exporters from here on; what those so far still hold is lost with them. Under the lock, which the caller gives back before they
  /// are destroyed: that may take a while.
  void release(std::vector<member>& next) noexcept {
    ended_ = outcome();
    ended_.dropped += ended_.queued;
    ended_.queued = 0;
    ended_cpu_ns_ += cpu_of_list();
    list_.swap(next);
    live_.reset();  // `next` has it too
    uploader_known_ = uploader_missing_ = live_known_ = live_awaited_ = false;
  }

  std::int64_t cpu_of_list() const noexcept {
    std::int64_t sum = 0;
    for (const member& m : list_) sum += m.to->cpu_ns() - m.cpu_before_ns;
    return sum;
  }

  /// A failure is said once, and once more when it is over; not at each window.
  template <class Call>
  bool attempt(member& m, std::uint64_t weight, Call&& call) {
    export_result result = export_result::failure("it threw an exception");
    PYRO_TRY { result = call(); }
    PYRO_CATCH_ALL {}
    unsigned failures = 0;
    {
      platform::lock_guard hold(counters_lock_);
      failures = m.failures;
      m.failures = result.ok ? 0 : failures + 1;
      delivery own;
      if (std::uint64_t missing = 0; ask(m, own, missing)) {
        m.told.dropped = missing;  // it has had its chance to take it in
      } else if (result.ok) {
        m.told.queued = 0;
      } else if (!result.kept) {
        m.told.queued -= std::min(m.told.queued, weight);
        m.told.dropped += weight;
      }
      if (!result.ok) ++sums_.failures;
    }
    if (result.ok && failures != 0)
      log_(log_level::warning, std::string("exporter ") + m.to->name() + ": works again after " + std::to_string(failures) + " failures");
    if (!result.ok && failures == 0)
      log_(log_level::error, std::string("exporter ") + m.to->name() + ": " + result.error +
                                 (result.kept ? " (kept, to be tried again" : " (the window is lost") + "; further failures are counted, not logged)");
    return result.ok;
  }

  static std::uint64_t sum_of(const delivery& d) noexcept { return d.sent + d.queued + d.dropped + d.uncertain; }

  /// Samples of all that these exporters were given.
  std::uint64_t given() const noexcept { return sums_.given - sum_of(ended_); }

  /// Asks an exporter that keeps its own ledger, less what it reported before; false where it keeps none. `missing`: what it was given and
  /// has not taken in.
  bool ask(const member& m, delivery& own, std::uint64_t& missing) const noexcept {
    if (!m.to->report(own)) return false;
    const auto since = [](std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; };
    own = {since(own.sent, m.before.sent), since(own.queued, m.before.queued), since(own.dropped, m.before.dropped), since(own.uncertain, m.before.uncertain)};
    missing = since(given(), sum_of(own));
    return true;
  }

  /// What became of the samples at one exporter: by its results, or as it reports. What its report does not have is under way to it, or was
  /// lost on the way.
  delivery outcome_at(const member& m) const noexcept {
    delivery own;
    std::uint64_t missing = 0;
    if (!ask(m, own, missing)) return m.told;
    const std::uint64_t lost = std::min(missing, m.told.dropped);
    own.dropped += lost;
    own.queued += missing - lost;
    return own;
  }

  /// What became of all samples of the run. One counts as delivered where every exporter has delivered it, so the worst of them speaks for all.
  delivery outcome() const noexcept {
    delivery all;
    if (uploader_missing_) all.dropped = given();
    std::uint64_t held_back = all.dropped;
    for (const member& m : list_) {
      const delivery own = outcome_at(m);
      held_back = std::max(held_back, own.dropped + own.uncertain + own.queued);
      all.dropped = std::max(all.dropped, own.dropped);
      all.uncertain = std::max(all.uncertain, own.uncertain);
    }
    held_back = std::min(held_back, given());
    all.dropped = std::min(all.dropped, held_back);
    all.uncertain = std::min(all.uncertain, held_back - all.dropped);
    all.queued = held_back - all.dropped - all.uncertain;
    all.sent = given() - held_back;
    return {all.sent + ended_.sent, all.queued + ended_.queued, all.dropped + ended_.dropped, all.uncertain + ended_.uncertain};
  }

  detail::logger& log_;
  std::vector<member> list_;                        ///< changed by one thread alone, under the lock
  platform::mutex counters_lock_;                   ///< never held while an exporter works
  sums sums_;
  delivery ended_;                                  ///< of exporters that are released; nothing is queued there
  std::int64_t ended_cpu_ns_ = 0;
  std::shared_ptr<live_view> live_;                 ///< one of the list
  bool live_known_ = false;
  bool live_awaited_ = false;                       ///< it may still be brought by a static initialiser
  bool uploader_known_ = false;
  bool uploader_missing_ = false;                   ///< there is none for server_address: what it should have had is lost
};

}  // namespace collect
}  // namespace pyro
