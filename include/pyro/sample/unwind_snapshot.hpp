#pragma once
// What the handler unwinds with: the rows of all modules loaded at one time, immutable, behind one pointer. Signal safe, all of it.
//
// A snapshot may be freed only when no handler reads it. Each thread has a hazard cell, one word in its slot: the handler writes there
// which snapshot it is going to read, then checks that this is still the current one; the worker withdraws a snapshot, then looks at the
// cells. All four are sequentially consistent, so that one of the two sees the other (Michael, "Hazard Pointers", 2004). One cell a
// thread is enough: SIGPROF is blocked in its own handler, so that handlers of one thread are never nested.

#include <pyro/core/atomic.hpp>
#include <pyro/sample/unwind_row.hpp>

#include <cstddef>
#include <cstdint>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct unwind_module {
  std::uintptr_t lo = 0, hi = 0;         ///< its code, from the first executable mapping to the end of the last
  const unwind_row* rows = nullptr;      ///< sorted; null where it has none
  const std::uint32_t* index = nullptr;  ///< rows at or before lo + (i << shift), for each i; and one more, all of them
  std::uint32_t count = 0;
  std::uint32_t blocks = 0;
  std::uint32_t shift = 0;

  bool contains(std::uintptr_t pc) const noexcept { return pc >= lo && pc < hi; }

  /// The last row at or before `pc`, which this module contains; null before the first.
  const unwind_row* find(std::uintptr_t pc) const noexcept {
    const std::uintptr_t offset = pc - lo;
    const std::uintptr_t block = offset >> shift;
    if (block >= blocks) return count != 0 && offset <= UINT32_MAX ? rows + count - 1 : nullptr;
    const unwind_row* first = rows + index[block];
    std::size_t n = index[block + 1] - index[block];
    while (n != 0) {  // the first row behind pc; few are left, and which way to go is a coin's toss: no branch
      const std::size_t half = n / 2;
      const bool right = first[half].pc <= offset;
      first = right ? first + half + 1 : first;
      n = right ? n - half - 1 : half;
    }
    return first != rows ? first - 1 : nullptr;
  }
};

class unwind_snapshot {
 public:
  unwind_snapshot() noexcept = default;
  /// Sorted, disjoint modules, which outlive this.
  unwind_snapshot(const unwind_module* modules, std::size_t count, std::uintptr_t signal_return = 0, std::uint64_t serial = 0) noexcept
      : modules_(modules), count_(count), signal_return_(signal_return), serial_(serial) {}

  /// Another one for each that was published; memory, and with it an address, is used again.
  std::uint64_t serial() const noexcept { return serial_; }

  std::size_t modules() const noexcept { return count_; }
  const unwind_module& module(std::size_t i) const noexcept { return modules_[i]; }

  /// Where signal handlers return to, if the C library has its own code for that; else 0. Some libraries have no rows for it.
  std::uintptr_t signal_return() const noexcept { return signal_return_; }

  /// The module with code at `pc`; null: none had when this was made.
  const unwind_module* module_of(std::uintptr_t pc) const noexcept {
    std::size_t low = 0, high = count_;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (modules_[middle].hi <= pc) low = middle + 1;
      else high = middle;
    }
    return low < count_ && modules_[low].contains(pc) ? &modules_[low] : nullptr;
  }

  /// How to unwind at `pc`; null where no module has it. For a return address ask for one less: a call may be its function's end.
  const unwind_row* find(std::uintptr_t pc) const noexcept {
    const unwind_module* m = module_of(pc);
    return m != nullptr ? m->find(pc) : nullptr;
  }

  /// Where the function around `pc` starts, as the tables have it (the cold part of a function is one of its own); 0 where unknown.
  std::uintptr_t function_start(std::uintptr_t pc) const noexcept {
    const unwind_module* m = module_of(pc);
    const unwind_row* row = m != nullptr ? m->find(pc) : nullptr;
    if (row == nullptr) return 0;
    for (; row->starts == 0; --row)
      if (row == m->rows || row->gap != 0) return 0;
    return m->lo + row->pc;
  }

 private:
  const unwind_module* modules_ = nullptr;
  std::size_t count_ = 0;
  std::uintptr_t signal_return_ = 0;
  std::uint64_t serial_ = 0;
};

/// Which snapshot a thread's handler is reading. Zero at first; in memory that is never unmapped.
using hazard_cell = const unwind_snapshot*;

/// Holds the current snapshot for as long as it lives. In the handler.
class unwind_guard {
 public:
  template <class Tables>
  unwind_guard(const Tables& tables, hazard_cell& cell) noexcept : unwind_guard(tables.published(), cell) {}
  unwind_guard(const unwind_snapshot* const& published, hazard_cell& cell) noexcept : cell_(cell) {
    // A worker that publishes faster than this is not ours; then the sample has its leaf only.
    for (int attempts = 0; attempts < 16; ++attempts) {
      const unwind_snapshot* now = __atomic_load_n(&published, __ATOMIC_ACQUIRE);
      __atomic_store_n(&cell_, now, __ATOMIC_SEQ_CST);
      if (__atomic_load_n(&published, __ATOMIC_SEQ_CST) == now) {
        snapshot_ = now;
        return;
      }
    }
  }
  ~unwind_guard() { core::store_release(cell_, static_cast<const unwind_snapshot*>(nullptr)); }
  unwind_guard(const unwind_guard&) = delete;
  unwind_guard& operator=(const unwind_guard&) = delete;

  /// Null before the first `update`.
  const unwind_snapshot* get() const noexcept { return snapshot_; }
  explicit operator bool() const noexcept { return snapshot_ != nullptr; }
  const unwind_snapshot& operator*() const noexcept { return *snapshot_; }

 private:
  hazard_cell& cell_;
  const unwind_snapshot* snapshot_ = nullptr;
};

}  // namespace sampling
}  // namespace pyro
