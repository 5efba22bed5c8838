#pragma once
// Threads of the process that have entered no scope, found in /proc/self/task. The pump, about ten times a second; less often where there are
// so many threads that looking would cost more than a thousandth of a core. No allocation.

#include <pyro/platform/threads.hpp>
#include <pyro/sample/thread_timers.hpp>

#include <algorithm>  // sort, binary_search

namespace pyro {
namespace collect PYRO_HIDDEN {

class outside_threads {
 public:
  /// Lists the process's threads but pyro's own; false where it is not time yet. Without a lock: it takes system calls.
  bool list() noexcept {
    begin_ns_ = platform::monotonic_ns();
    if (begin_ns_ < next_ns_) return false;
    count_ = known_count_ = 0;
    platform::each_thread_of_process([&](pid_t tid) {
      if (count_ < sampling::thread_table::capacity && !platform::own_threads::contains(tid)) listed_[count_++] = tid;
    });
    return true;
  }

  /// Of each thread that has a slot.
  void add_known(pid_t tid) noexcept {
    if (known_count_ < sampling::thread_table::capacity) known_[known_count_++] = tid;
  }

  template <class Visit>
  void each_unknown(Visit&& visit) noexcept {
    std::sort(known_, known_ + known_count_);
    for (std::size_t i = 0; i < count_; ++i)
      if (!std::binary_search(known_, known_ + known_count_, listed_[i])) visit(listed_[i]);
    const std::int64_t end = platform::monotonic_ns();
    next_ns_ = end + 1000 * (end - begin_ns_);
  }

 private:
  pid_t listed_[sampling::thread_table::capacity], known_[sampling::thread_table::capacity];
  std::size_t count_ = 0, known_count_ = 0;
  std::int64_t begin_ns_ = 0, next_ns_ = 0;
};

}  // namespace collect
}  // namespace pyro
