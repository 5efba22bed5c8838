#pragma once
// How callers of `flush` and the worker meet: each caller takes a ticket, the worker answers all tickets up to one at once. Thread safe.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>

namespace pyro {
namespace collect PYRO_HIDDEN {

class flush_requests {
 public:
  // ---- the caller ----

  /// `until`: when the caller stops waiting, monotonic.
  std::uint64_t ask(std::int64_t until) noexcept {
    platform::lock_guard hold(lock_);
    if (until > next_until_ns_) next_until_ns_ = until;
    return ++asked_;
  }

  /// The worker's answer; false at `until`, or where `worker_runs()` says that none will come.
  template <class Runs>
  bool wait(std::uint64_t ticket, std::int64_t until, Runs&& worker_runs) noexcept {
    while (core::load_acquire(answered_) < ticket) {
      const std::int64_t left = until - platform::monotonic_ns();
      if (left <= 0 || !worker_runs()) return false;
      answer_.wait(left < 10000000 ? left : 10000000);  // several may wait for one event: each looks again soon
    }
    return core::load_relaxed(delivered_);
  }

  // ---- the worker ----

  struct batch {
    std::uint64_t ticket;   ///< the latest; 0 where all are answered
    std::int64_t until_ns;  ///< how long the most patient of those callers waits, not of others before or after them
  };
  batch pending() noexcept {
    platform::lock_guard hold(lock_);
    if (taken_ == core::load_relaxed(answered_)) until_ns_ = 0;
    if (next_until_ns_ > until_ns_) until_ns_ = next_until_ns_;
    next_until_ns_ = 0;
    taken_ = asked_;
    return {taken_ == core::load_relaxed(answered_) ? 0 : taken_, until_ns_};
  }
  void answer(std::uint64_t ticket, bool delivered) noexcept {
    if (ticket == 0) return;
    core::store_relaxed(delivered_, delivered);
    core::store_release(answered_, ticket);
    answer_.set();
  }

 private:
  platform::event answer_;
  platform::mutex lock_;           ///< of `asked_`, and of what the worker has taken on
  std::uint64_t asked_ = 0, taken_ = 0, answered_ = 0;
  std::int64_t next_until_ns_ = 0, until_ns_ = 0;
  bool delivered_ = false;
};

}  // namespace collect
}  // namespace pyro
