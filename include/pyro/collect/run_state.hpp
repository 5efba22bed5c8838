#pragma once
// Where the profiler stands. Changed by compare-and-swap, so that nobody ever waits for a lock to start or stop. Signal safe.
//
//   off ─► starting ─► running ─► stopping ─► off
//                        └─ fork, in the child ─► forked ─► starting ─► running   at the child's next scope

#include <pyro/core/abi.hpp>
#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro {
namespace collect PYRO_HIDDEN {

// Constants, not an enum: clang++'s atomic builtins take integers and pointers alone.
using run_state_type = std::uint32_t;
namespace run_state {
inline constexpr run_state_type off = 0, starting = 1, running = 2, stopping = 3, forked = 4;
}

class run_state_cell {
 public:
  run_state_type load() const noexcept { return core::load_acquire(state_); }
  void set(run_state_type to) noexcept { core::store_release(state_, to); }

  /// False where it was not `from`: somebody else was faster.
  bool change(run_state_type from, run_state_type to) noexcept {
    return __atomic_compare_exchange_n(&state_, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }

  /// Waits while it is `now` and `worth_it()`, at most `ns`. Not for signal handlers.
  template <class WorthIt>
  void wait_while(run_state_type now, std::int64_t ns, WorthIt&& worth_it) const noexcept {
    for (const std::int64_t until = platform::monotonic_ns() + ns; load() == now && worth_it() && platform::monotonic_ns() < until;) {
      const timespec pause{0, 1000000};
      ::nanosleep(&pause, nullptr);
    }
  }

 private:
  run_state_type state_ = run_state::off;
};

}  // namespace collect
}  // namespace pyro
