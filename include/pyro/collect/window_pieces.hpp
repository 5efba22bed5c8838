#pragma once
// A window in pieces: the live view may ask for what was measured up to now. What it gets is kept and put together again, so that all other
// exporters have the same windows with it and without. Under the lock of those who close windows, but for `ask` and `wanted`.

#include <pyro/core/abi.hpp>
#include <pyro/core/atomic.hpp>
#include <pyro/model/merge.hpp>

#include <cstdint>
#include <limits>  // no limits: the pieces are as large as the window would have been
#include <memory>
#include <utility>  // exchange, move

namespace pyro {
namespace collect PYRO_HIDDEN {

class window_pieces {
 public:
  /// The ticket of one more wish for a cut. Any thread.
  std::uint64_t ask() noexcept { return __atomic_add_fetch(&asked_, 1, __ATOMIC_ACQ_REL); }

  /// Any thread.
  bool wanted() const noexcept { return core::load_acquire(asked_) != core::load_relaxed(answered_); }

  /// Before a piece is closed: the wishes that it fulfils.
  std::uint64_t begin_answer() noexcept {
    const std::uint64_t now = core::load_acquire(asked_);
    core::store_relaxed(answered_, now);
    return now;
  }

  void keep(const profile& piece) {
    if (kept_ == nullptr) kept_ = std::make_unique<profile>();
    merge(*kept_, piece, unlimited());
  }

  /// The whole window, of which this is the last piece.
  profile complete(profile&& last) {
    if (kept_ == nullptr) return std::move(last);
    keep(last);
    return std::move(*std::exchange(kept_, nullptr));
  }

  /// In a forked child: the pieces are the parent's, not even destroyed.
  void abandon() noexcept {
    static_cast<void>(kept_.release());
    core::store_relaxed(answered_, core::load_relaxed(asked_));
  }

 private:
  static merge_limits unlimited() noexcept {
    constexpr auto most = std::numeric_limits<std::size_t>::max() / 2;
    return {most, most, most};
  }

  std::unique_ptr<profile> kept_;
  std::uint64_t asked_ = 0, answered_ = 0;
};

}  // namespace collect
}  // namespace pyro
