#pragma once
// Scopes among native frames, in their true order, while the stack is walked. Signal safe.
//
// A scope remembers the stack pointer at its entry, which is that of the function it stands in; a frame's canonical frame address (CFA) is the
// stack pointer before its call. So from leaf to root the scopes with a stack pointer below a frame's CFA were entered in that frame, or in
// what the compiler inlined there, and have not been claimed by frames further in. (Score-P has the idea, unwinding at each region entry.)

#include <pyro/core/atomic.hpp>
#include <pyro/core/slot.hpp>
#include <pyro/platform/system.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class stack_merger {
 public:
  /// `sp`: where the walk begins.
  stack_merger(const core::entry* root, const core::entry* innermost, platform::stack_range own, std::uintptr_t sp) noexcept
      : root_(root), next_(innermost), own_(own), begin_(sp) {}

  /// How many of the entries that are left were entered in the frame with this CFA; 0 for an unknown one.
  std::uint32_t claim(std::uintptr_t cfa) noexcept {
    std::uint32_t count = 0;
    if (cfa != 0) on_own_ = own_.contains(cfa - 1);
    while (next_ > root_ && cfa != 0) {
      const std::uintptr_t sp = core::load_relaxed(next_->sp);
      const bool entered_on_own = own_.contains(sp);
      // Of an entry on another stack nothing can be said but its order. On a coroutine's or a signal's stack it was entered before the thread
      // came there, further out than all these frames; on the thread's own it is one of a coroutine that has been left with the scope open.
      const bool elsewhere = entered_on_own != on_own_ || (!on_own_ && sp < begin_);
      if (elsewhere) by_order_ = true;
      if (elsewhere ? !on_own_ : sp >= cfa) break;
      ++count;
      --next_;
    }
    return count;
  }

  /// Whether some entries are where they are by their order alone. When the walk is over.
  bool by_order() const noexcept { return by_order_ || (!on_own_ && next_ > root_); }

 private:
  const core::entry* root_;
  const core::entry* next_;
  platform::stack_range own_;
  std::uintptr_t begin_;
  bool on_own_ = true;  ///< the last frame whose CFA is known
  bool by_order_ = false;
};

}  // namespace sampling
}  // namespace pyro
