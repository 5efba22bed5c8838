#pragma once
// Keeps the unwind tables in step with the modules that are loaded, and asks them where functions begin.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/sample/unwind_table.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro {
namespace collect PYRO_HIDDEN {

class unwinding {
 public:
  /// Whether native frames are wanted. Any thread.
  bool wanted() const noexcept { return core::load_relaxed(wanted_); }
  void want(bool native) noexcept { core::store_relaxed(wanted_, native); }

  const sampling::unwind_tables& tables() const noexcept { return tables_; }

  /// The pump, about ten times a second; less often where there are so many mappings that looking would cost more than 1/500 of a core.
  template <class EachWalk>
  bool follow_in_turn(EachWalk&& each_walk) noexcept {
    const std::int64_t begin = platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
    if (platform::monotonic_ns() < next_look_ns_) return false;
    const bool changed = follow(each_walk);
    next_look_ns_ = platform::monotonic_ns() + 500 * (platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin);
    return changed;
  }

  /// Tables of what is loaded now; those that nobody reads any more go. `each_walk(visit)` visits what each thread reads just now. True where
  /// modules have come or gone.
  template <class EachWalk>
  bool follow(EachWalk&& each_walk) noexcept {
    if (!wanted()) return false;
    const bool changed = tables_.update();
    tables_.release_old([&](auto&& visit) {
      each_walk(visit);
      visit(asking_);
    });
    return changed;
  }

  /// Where the function around an address begins; 0 where that is unknown. The worker.
  static std::uint64_t start_of_function(void* self_, std::uint64_t address) noexcept {
    auto& self = *static_cast<unwinding*>(self_);
    const sampling::unwind_guard tables(self.tables_, self.asking_);
    return tables ? (*tables).function_start(static_cast<std::uintptr_t>(address)) : 0;
  }

  /// From the fork handler: plain stores alone.
  void after_fork_in_child() noexcept { tables_.forget_retired_in_child(); }
  /// At the child's first scope.
  void restart_in_child() noexcept { asking_ = nullptr; }

 private:
  sampling::unwind_tables tables_;
  sampling::hazard_cell asking_ = nullptr;  ///< the worker's own `walking`
  bool wanted_ = false;
  std::int64_t next_look_ns_ = 0;           ///< the pump's
};

}  // namespace collect
}  // namespace pyro
