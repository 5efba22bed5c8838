#pragma once
// Walks stacks that nobody has told us of: coroutines, other runtimes, signal handlers on their own stack. What is there is copied through
// the kernel, once and bounded, and walked in the copy. Signal safe, like sample/walk.hpp, which has the rules.

#include <pyro/platform/copy_in_handler.hpp>
#include <pyro/sample/walk.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// Words of a copied piece of memory; and of the thread's own stack, where a signal handler's stack leads back to that.
class copied_loader {
 public:
  /// Copies up to `size` bytes, from the red zone below `sp` on, to `buffer`, which is aligned to 8.
  copied_loader(std::uintptr_t sp, const platform::stack_range& bounds, void* buffer, std::size_t size) noexcept
      : bounds_(bounds), direct_(bounds.high, bounds), buffer_(static_cast<const char*>(buffer)) {
    floor_ = (sp - direct_loader::red_zone) & ~std::uintptr_t{7};
    if (size > most) size = most;
    std::size_t got = platform::copy_in_handler(floor_, buffer, size);
    if (got == 0) {  // the stack may have just begun
      floor_ = sp & ~std::uintptr_t{7};
      got = platform::copy_in_handler(floor_, buffer, size);
    }
    high_ = floor_ + got;
  }

  bool contains(std::uintptr_t sp) const noexcept { return on_own_stack_ ? direct_.contains(sp) : sp >= floor_ && sp < high_; }
  std::uintptr_t high() const noexcept { return on_own_stack_ ? direct_.high() : high_; }
  bool word(std::uintptr_t address, std::uintptr_t& into) const noexcept {
    if (on_own_stack_) return direct_.word(address, into);
    if (address % 8 != 0 || address < floor_ || address >= high_ || high_ - address < 8) return false;
    __builtin_memcpy(&into, buffer_ + (address - floor_), sizeof into);
    return true;
  }
  bool resume(std::uintptr_t sp) noexcept {
    if (contains(sp)) return true;
    if (on_own_stack_ || !bounds_.contains(sp)) return false;
    // From one mapped word of a stack to its end all is mapped. That the word is, is the only thing to ask for.
    const direct_loader own(sp, bounds_);
    std::uintptr_t probe;
    if (platform::copy_in_handler(own.floor(), &probe, sizeof probe) != sizeof probe) return false;
    direct_ = own;
    on_own_stack_ = true;
    return true;
  }

  static constexpr std::size_t most = 16384;

 private:
  const platform::stack_range bounds_;
  direct_loader direct_;
  const char* const buffer_;
  std::uintptr_t floor_ = 0, high_ = 0;
  bool on_own_stack_ = false;
};

/// Like `walk`, where start.sp lies outside of `bounds`: of frames there, those whose stack fits into `size` bytes, 16 KiB at most. Costs
/// a system call or two. Where the kernel forbids process_vm_readv, there is the leaf alone.
template <class Frame>
walk_result walk_off_stack(const unwind_snapshot& snapshot, const machine_state& start, const platform::stack_range& bounds,
                           unsigned max_frames, void* buffer, std::size_t size, Frame&& frame) {
  copied_loader loader(start.sp, bounds, buffer, size);
  return stack_walk<copied_loader>(snapshot, start, loader).run(max_frames, frame);
}

}  // namespace sampling
}  // namespace pyro
