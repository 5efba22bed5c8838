#pragma once
// Rows that a thread's handler has found of late, by address. A thread is mostly sampled where it was sampled before; a search takes two or
// three lines of memory a frame and branches that cannot be predicted, this takes one line and none. Signal safe; one thread's handler alone.

#include <pyro/core/atomic.hpp>
#include <pyro/sample/unwind_snapshot.hpp>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class row_cache {
 public:
  /// Before a walk: what was found in another snapshot is forgotten.
  void use(const unwind_snapshot& snapshot) noexcept {
    if (core::load_relaxed(serial_) == snapshot.serial()) return;
    for (entry& e : entries_) core::store_relaxed(e.pc, std::uintptr_t{0});
    core::store_relaxed(serial_, snapshot.serial());
  }

  /// The row for `pc`, but for where it begins; false where it is not here.
  bool find(std::uintptr_t pc, unwind_row& row) const noexcept {
    const entry& e = entries_[place(pc)];
    if (core::load_relaxed(e.pc) != pc) return false;
    const std::uint64_t rule = core::load_relaxed(e.rule);
    __builtin_memcpy(reinterpret_cast<char*>(&row) + sizeof row.pc, &rule, sizeof rule);
    return true;
  }

  void keep(std::uintptr_t pc, const unwind_row& row) noexcept {
    entry& e = entries_[place(pc)];
    std::uint64_t rule;
    __builtin_memcpy(&rule, reinterpret_cast<const char*>(&row) + sizeof row.pc, sizeof rule);
    core::store_relaxed(e.pc, pc);
    core::store_relaxed(e.rule, rule);
  }

 private:
  struct entry {
    std::uintptr_t pc;
    std::uint64_t rule;  ///< all of the row behind its pc
  };
  static_assert(sizeof(unwind_row) == sizeof(std::uint32_t) + sizeof(std::uint64_t), "an entry holds a row");
  static constexpr unsigned bits = 9;  // stacks of some hundred frames in all

  static std::size_t place(std::uintptr_t pc) noexcept { return static_cast<std::size_t>(pc * 0x9e3779b97f4a7c15ULL >> (64 - bits)); }

  entry entries_[std::size_t{1} << bits];
  std::uint64_t serial_;
};

}  // namespace sampling
}  // namespace pyro
