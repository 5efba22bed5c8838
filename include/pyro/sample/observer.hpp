#pragma once
// The engine without signals: somebody else looks at threads, at intervals that vary around the sample period. A thread whose CPU clock moves
// between two readings runs just now, and where it stands then is a sample.
//
// Each such look counts the same, and a thread's CPU time is divided among its nodes by their counts when a window ends. To give a look all CPU
// time since the look before instead is biased: in a burst of work a look finds the burst's beginning with little time behind it and its end
// with much (docs/accuracy.md has the figures). The total comes from the clock and is exact.
//
// Members are called under the registry's lock, never from a signal handler.

#include <pyro/sample/engine.hpp>
#include <pyro/sample/look_list.hpp>
#include <pyro/sample/random.hpp>

#include <cstdint>  // fixed-width integers
#include <sched.h>  // affinity
#include <utility>  // exchange

namespace pyro {
namespace sampling PYRO_HIDDEN {

class observer final : public engine {
 public:
  const char* name() const noexcept override { return "observer"; }

  bool start(std::string& why_not) override {
    cpu_set_t allowed;
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) == 1) {
      why_not = "the process may use one CPU alone, and while pyro looks no other thread runs there";
      return false;
    }
    if (clock_of(platform::thread_id()) == 0) {
      why_not = "the CPU clocks of threads cannot be read (seccomp?)";
      return false;
    }
    return true;
  }

  bool attach(thread& t, std::int64_t period_ns) noexcept override {
    if (!t.watch.listed) {
      const std::int64_t now = clock_of(t.tid);
      if (now == 0) return false;
      t.watch.clock_ns = now;
      t.watch.counted_ns = -1;
      list_.add(t);
    }
    set_period(t, period_ns);
    return t.watch.listed;
  }

  void set_period(thread& t, std::int64_t period_ns) noexcept override {
    core::store_relaxed(period_ns_, period_ns);
    account(t, clock_of(t.tid));
    t.watch.counted_ns = period_ns == 0 ? -1 : t.watch.counted_ns < 0 ? clock_of(t.tid) : t.watch.counted_ns;
  }

  void settle(thread& t) noexcept override { account(t, platform::clock_ns(CLOCK_THREAD_CPUTIME_ID)); }

  void detach(thread& t) noexcept override {
    if (!t.watch.listed) return;
    account(t, clock_of(t.tid));
    t.watch.counted_ns = -1;
    list_.remove(t);
  }

  /// CPU time up to now that is in no profile yet.
  std::int64_t& owed(thread& t) noexcept {
    if (t.watch.listed) account(t, clock_of(t.tid));
    return t.watch.owed_ns;
  }
  std::int64_t period_ns() const noexcept { return core::load_relaxed(period_ns_); }

  /// Of a thread that is about to enter its first scope: what it has spent before that was outside scopes.
  void leave_outside(thread& t) noexcept { outside_ns_ += std::exchange(t.watch.owed_ns, 0); }
  std::int64_t take_outside() noexcept { return std::exchange(outside_ns_, 0); }

  /// Looks at threads. `credit(thread&, at, weight in ns)` hears of each that runs. Bounded: see `budget`.
  template <class Credit>
  void look(Credit&& credit) noexcept {
    const std::int64_t period = core::load_relaxed(period_ns_);
    if (period == 0 || list_.size() == 0) return;
    const std::int64_t begin = platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
    look_list::drawn round[look_list::most];
    const std::size_t n = list_.draw(static_cast<std::size_t>(period / budget / look_ns_), random_.next(), round);
    for (std::size_t i = 0; i < n; ++i) {
      thread& t = *round[i].who;
      const std::int64_t now = clock_of(t.tid);
      if (now == 0) continue;  // it has ended
      const bool moved = now != t.watch.clock_ns;
      const bool runs = moved && (t.watch.clock_ns = clock_of(t.tid)) > now;
      if (moved) {
        t.watch.quiet = 0;
        list_.wake(t);
      } else if (++t.watch.quiet >= quiet_looks) {
        list_.rest(t);
      }
      // Read after both clocks: where it has stopped running since, it stands where it ran last.
      if (runs) credit(t, core::load_relaxed(core::load_acquire(t.top)->at), static_cast<std::int64_t>(round[i].weight * static_cast<double>(period)));
    }
    // Of late, and never nothing.
    const std::int64_t each = (platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin) / static_cast<std::int64_t>(n);
    look_ns_ += (each - look_ns_) / 16;
    if (look_ns_ < 100) look_ns_ = 100;
    core::store_relaxed(looks_, looks_ + n);
    core::store_relaxed(skipped_, skipped_ + (list_.size() - n));
  }

  /// Nanoseconds until the next look, at random around the period: intervals in step with the program's own would always find it at the same place.
  std::int64_t next_interval() noexcept {
    const std::int64_t period = core::load_relaxed(period_ns_);
    return period == 0 ? 100000000 : period / 2 + random_.below(period);
  }

  /// So far. Any thread.
  std::uint64_t looks() const noexcept { return core::load_relaxed(looks_); }
  std::uint64_t looks_skipped() const noexcept { return core::load_relaxed(skipped_); }

  /// Whoever looks, a hundred times a second at most: wakes on time from now on. And where threads are not seen to run that do run, on another CPU: where all
  /// are busy it would stay on one, push aside who runs there, and see those of the other ones alone.
  void keep_fair() noexcept {
    platform::set_timer_slack(1);
    const std::size_t awake = list_.awake(), first = awake == 0 ? 0 : static_cast<std::size_t>(random_.next() % awake);
    for (std::size_t i = 0; i < awake && i < 64; ++i) {
      const watched& w = list_.at((first + i) % awake).watch;
      const std::int64_t spent = w.owed_ns + (w.counted_ns < 0 ? 0 : w.clock_ns - w.counted_ns);
      if (w.weight_ns < spent / 2 - 3 * core::load_relaxed(period_ns_)) return platform::go_to_some_cpu(random_.next());
    }
  }

  /// In a forked child: its threads are not those of the parent.
  void forget() noexcept { list_.clear(); }

 private:
  static constexpr std::int64_t budget = 200;      ///< looks take at most one 200th of a core
  static constexpr std::uint8_t quiet_looks = 20;  ///< then a thread counts as asleep

  static std::int64_t clock_of(pid_t tid) noexcept { return platform::clock_ns(platform::thread_cpu_clock(tid)); }

  /// `now`: the thread's clock; 0 where it has ended, and then what was seen last counts.
  static void account(thread& t, std::int64_t now) noexcept {
    watched& w = t.watch;
    if (w.counted_ns < 0) return;
    if (now == 0) now = w.clock_ns;
    if (now <= w.counted_ns) return;
    w.owed_ns += now - w.counted_ns;
    w.counted_ns = now;
  }

  look_list list_{};
  random_numbers random_;
  std::int64_t period_ns_ = 0;
  std::int64_t outside_ns_ = 0;  ///< of threads that have entered a scope since
  std::int64_t look_ns_ = 2000;  ///< what a look at one thread has cost of late, in CPU time
  std::uint64_t looks_ = 0, skipped_ = 0;
};

}  // namespace sampling
}  // namespace pyro
