#pragma once
// Threads of the process that have entered no scope, found in /proc/self/task. The pump, about ten times a second; less often where there are
// so many threads that looking would cost more than a thousandth of a core. No allocation.

#include <pyro/collect/thread_state.hpp>
#include <pyro/platform/threads.hpp>
#include <pyro/sample/thread_timers.hpp>

#include <algorithm>  // sort, binary_search, min

namespace pyro {
namespace collect PYRO_HIDDEN {

class outside_threads {
 public:
  /// The next look comes at once: a run begins.
  void begin() noexcept {
    core::store_relaxed(cost_ns_, std::int64_t{0});
    core::store_relaxed(next_ns_, std::int64_t{0});
  }

  /// Lists the process's threads but pyro's own; false where it is not time yet. Without a lock: it takes system calls.
  bool list() noexcept {
    if (platform::monotonic_ns() < core::load_relaxed(next_ns_)) return false;
    begin_cpu_ns_ = platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
    count_ = known_count_ = unplaced_count_ = 0;
    platform::each_thread_of_process([&](pid_t tid) {
      if (count_ < sampling::thread_table::capacity && !platform::own_threads::contains(tid)) listed_[count_++] = tid;
    });
    return true;
  }

  /// Of each thread that has a slot.
  void add_known(pid_t tid) noexcept {
    if (known_count_ < sampling::thread_table::capacity) known_[known_count_++] = tid;
  }

  /// Of each that has been sampled and whose stack is not known. Those past the limit have their turn in the next round.
  void add_unplaced(thread_state& t) noexcept {
    const std::uintptr_t sp = core::load_acquire(t.seen_sp);
    if (sp == 0 || t.stack_bounds.high != 0 || t.stack_attempts == most_attempts || unplaced_count_ == most_unplaced) return;
    ++t.stack_attempts;
    unplaced& u = unplaced_[unplaced_count_++];
    u.sp = sp;
    u.thread_pointer = core::load_relaxed(t.seen_thread_pointer);
    u.low = u.high = 0;
    u.of = &t;
    u.generation = t.generation;
  }

  /// Without a lock: it reads the mappings.
  void place_stacks() noexcept {
    if (unplaced_count_ == 0) return;
    std::sort(unplaced_, unplaced_ + unplaced_count_, [](const unplaced& a, const unplaced& b) { return a.sp < b.sp; });
    platform::place_stacks(unplaced_, unplaced_count_);
  }

  /// `visit(thread, low, high)` where it is still the same thread.
  template <class Visit>
  void each_placed(Visit&& visit) noexcept {
    for (std::size_t i = 0; i < unplaced_count_; ++i) {
      const unplaced& u = unplaced_[i];
      if (u.high != 0 && u.of->generation == u.generation) visit(*u.of, u.low, u.high);
    }
  }

  template <class Visit>
  void each_unknown(Visit&& visit) noexcept {
    std::sort(known_, known_ + known_count_);
    for (std::size_t i = 0; i < count_; ++i)
      if (!std::binary_search(known_, known_ + known_count_, listed_[i])) visit(listed_[i]);
    // By its own CPU time: on a busy machine looking takes long, and costs no more. What one look costs beyond those around it (the first meets cold
    // pages, another makes slots for a hundred threads) does not put off the next.
    const std::int64_t cost = platform::clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_cpu_ns_;
    core::store_relaxed(next_ns_, platform::monotonic_ns() + 1000 * std::min(cost, core::load_relaxed(cost_ns_)));
    core::store_relaxed(cost_ns_, cost);
  }

 private:
  struct unplaced : platform::unplaced_stack {
    thread_state* of;
    std::uint32_t generation;
  };
  static constexpr std::size_t most_unplaced = 1024;
  static constexpr std::uint32_t most_attempts = 3;  // of a thread on a stack of its own making

  pid_t listed_[sampling::thread_table::capacity], known_[sampling::thread_table::capacity];
  unplaced unplaced_[most_unplaced];
  std::size_t count_ = 0, known_count_ = 0, unplaced_count_ = 0;
  std::int64_t begin_cpu_ns_ = 0, next_ns_ = 0;
  std::int64_t cost_ns_ = 0;  ///< of the look before
};

}  // namespace collect
}  // namespace pyro
