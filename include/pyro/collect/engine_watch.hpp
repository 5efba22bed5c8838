#pragma once
// Whether the engine still gets its signal. Where somebody else has it, sampling stops: to go on would send them signals that they do not expect, and
// count as theirs (R5). The pump looks ten times a second, and whoever closes a window.

#include <pyro/collect/engine_note.hpp>
#include <pyro/collect/registry.hpp>
#include <pyro/logger.hpp>
#include <pyro/platform/exceptions.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro {
namespace collect PYRO_HIDDEN {

class engine_watch {
 public:
  engine_watch(registry& threads, engine_note& note, detail::logger& log) noexcept : registry_(threads), note_(note), log_(log) {}

  void start() noexcept { core::store_release(state_, watching); }

  /// Only while samples are wanted. A system call; thread safe.
  void look() noexcept {
    std::uint32_t expected = watching;
    if (core::load_relaxed(state_) != watching || registry_.engine().healthy() ||
        !__atomic_compare_exchange_n(&state_, &expected, lost, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
      return;
    registry_.stop_engine();
    PYRO_TRY { note_.set("none", "another handler for SIGPROF was installed"); }
    PYRO_CATCH_ALL {}  // no memory: the error below says it
    log_.say(log_level::error, "another SIGPROF handler replaced pyro's: sampling has stopped, counts go on; start the other profiler first, or set engine=none");
  }

  /// True once, for the window in which it was lost.
  bool take_loss() noexcept {
    std::uint32_t expected = lost;
    return __atomic_compare_exchange_n(&state_, &expected, told, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }

 private:
  // Constants, not an enum: clang++'s atomic builtins take integers and pointers alone.
  static constexpr std::uint32_t watching = 0, lost = 1, told = 2;

  registry& registry_;
  engine_note& note_;
  detail::logger& log_;
  std::uint32_t state_ = watching;
};

}  // namespace collect
}  // namespace pyro
