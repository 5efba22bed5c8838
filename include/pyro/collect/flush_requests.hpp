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
    std::int64_t known = core::load_acquire(until_ns_);
    while (known < until && !__atomic_compare_exchange_n(&until_ns_, &known, until, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    }
    return __atomic_add_fetch(&asked_, 1, __ATOMIC_ACQ_REL);
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

  /// The latest ticket; 0 where all are answered.
  std::uint64_t pending() const noexcept {
    const std::uint64_t ticket = core::load_acquire(asked_);
    return ticket == core::load_relaxed(answered_) ? 0 : ticket;
  }
  /// How long the most patient caller still waits.
  std::int64_t left_ns() const noexcept { return core::load_acquire(until_ns_) - platform::monotonic_ns(); }
  void answer(std::uint64_t ticket, bool delivered) noexcept {
    if (ticket == 0) return;
    core::store_relaxed(delivered_, delivered);
    core::store_release(answered_, ticket);
    answer_.set();
  }

 private:
  platform::event answer_;
  std::uint64_t asked_ = 0, answered_ = 0;
  std::int64_t until_ns_ = 0;
  bool delivered_ = false;
};

}  // namespace collect
}  // namespace pyro
