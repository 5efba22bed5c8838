#pragma once
// When a window began, how long it was, and what pyro itself used in it. Whoever closes windows, one at a time.

#include <pyro/model/profile.hpp>
#include <pyro/platform/system.hpp>

namespace pyro {
namespace collect PYRO_HIDDEN {

class window_meter {
 public:
  /// A run begins, with its first window.
  void start() noexcept {
    begin_ns_ = platform::monotonic_ns();
    own_cpu_ns_ = 0;
  }

  /// The window ended at `end_ns` (monotonic) and the next one began. `own_cpu_ns`: of pyro's threads since the run's start.
  void close(profile& window, std::int64_t end_ns, std::int64_t own_cpu_ns) noexcept {
    window.duration_ns = end_ns - begin_ns_;
    // Read anew for each window: steps of the wall clock do not add up.
    window.time_ns = platform::wall_ns() - (platform::monotonic_ns() - begin_ns_);
    begin_ns_ = end_ns;
    window.cost.cpu_ns = own_cpu_ns - own_cpu_ns_;
    own_cpu_ns_ = own_cpu_ns;
  }

 private:
  std::int64_t begin_ns_ = 0;
  std::int64_t own_cpu_ns_ = 0;
};

}  // namespace collect
}  // namespace pyro
