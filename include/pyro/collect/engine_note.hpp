#pragma once
// What takes the samples, for whoever asks. Thread safe.

#include <pyro/platform/system.hpp>
#include <pyro/stats.hpp>

#include <new>  // placement
#include <string>

namespace pyro {
namespace collect PYRO_HIDDEN {

class engine_note {
 public:
  void set(const char* name, const std::string& refused) {
    platform::lock_guard hold(lock_);
    name_ = name;
    refused_ = refused;
  }
  void fill(stats& s) {
    platform::lock_guard hold(lock_);
    s.engine = name_;
    s.engine_refused = refused_;
  }
  std::string name() {
    platform::lock_guard hold(lock_);
    return name_;
  }

  /// In a forked child: whoever held the lock is not there.
  void after_fork() noexcept { new (&lock_) platform::mutex(); }

 private:
  platform::mutex lock_;
  std::string name_ = "none", refused_;
};

}  // namespace collect
}  // namespace pyro
