#pragma once
// The one byte budget of the process for call trees and interned texts. Hands out chunks of 4 KiB, takes them back, never unmaps.
// Its own pages instead of malloc: the slow path of a scope may run inside the program's allocator.
// Thread safe; not signal safe.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>

namespace pyro {
namespace collect PYRO_HIDDEN {

/// The head of a chunk; the payload follows it.
struct alignas(64) chunk {
  static constexpr std::size_t bytes = 4096;
  chunk* next;
  std::uint32_t used;  ///< bytes, this head included
};

class arena {
 public:
  void set_limit(std::size_t bytes) noexcept { core::store_relaxed(limit_, bytes); }
  std::size_t limit() const noexcept { return core::load_relaxed(limit_); }
  std::size_t used() const noexcept { return core::load_relaxed(used_); }
  bool full() const noexcept { return used() + chunk::bytes > common(); }

  /// An empty chunk, or nullptr past the budget.
  chunk* take() noexcept { return take_within(common()); }

  /// The same for the first chunk of a tree: a fifth of the budget is kept for threads that come late or start anew.
  chunk* take_reserved() noexcept { return take_within(limit()); }

  void give_back(chunk* c) noexcept {
    platform::lock_guard hold(mutex_);
    c->next = free_;
    free_ = c;
    core::store_relaxed(used_, used() - chunk::bytes);
  }

  platform::mutex& fork_lock() noexcept { return mutex_; }

 private:
  std::size_t common() const noexcept { return limit() - limit() / 5; }

  chunk* take_within(std::size_t bytes) noexcept {
    if (used() + chunk::bytes > bytes) return nullptr;  // without the lock: a program past its budget comes here often
    platform::lock_guard hold(mutex_);
    if (used() + chunk::bytes > bytes) return nullptr;
    chunk* c = free_;
    if (c != nullptr) {
      free_ = c->next;
    } else {
      if (fresh_ == fresh_end_ && !map_segment()) return nullptr;
      c = reinterpret_cast<chunk*>(fresh_);
      fresh_ += chunk::bytes;
    }
    core::store_relaxed(used_, used() + chunk::bytes);
    c->next = nullptr;
    c->used = sizeof(chunk);
    return c;
  }

  bool map_segment() noexcept {
    constexpr std::size_t segment = 256 * chunk::bytes;
    fresh_ = static_cast<char*>(platform::map_pages(segment));
    fresh_end_ = fresh_ == nullptr ? nullptr : fresh_ + segment;
    return fresh_ != nullptr;
  }

  platform::mutex mutex_;
  chunk* free_ = nullptr;
  char* fresh_ = nullptr;
  char* fresh_end_ = nullptr;
  std::size_t used_ = 0;
  std::size_t limit_ = 0;
};

}  // namespace collect
}  // namespace pyro
