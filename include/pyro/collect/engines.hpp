#pragma once
// The engines that there are, and which of them takes the samples: the one that is asked for, or what takes its place where the system refuses
// it. Under the registry's lock, but for `running`.

#include <pyro/sample/observer.hpp>
#include <pyro/sample/thread_timers.hpp>

#include <string>
#include <string_view>  // their names

namespace pyro {
namespace collect PYRO_HIDDEN {

class engines {
 public:
  explicit engines(const sampling::thread_table& table) noexcept : timers_(table) {}

  /// One that has started; `refused` says which could not and why. `can_look`: there is a thread to do that.
  sampling::engine& start(std::string_view wanted, bool can_look, std::string& refused) {
    refused.clear();
    if (wanted == observer_.name()) {
      if (!can_look) refused = "observer: it needs background threads (background, PYRO_BACKGROUND)";
      else if (starts(observer_, refused)) return observer_;
    }
    if (wanted != none_.name() && starts(timers_, refused)) return timers_;
    return none_;
  }

  /// Samples get native frames by these tables from now on; null: they get none.
  void set_tables(const sampling::unwind_tables* tables) noexcept { timers_.set_tables(tables); }

  sampling::no_engine& none() noexcept { return none_; }
  sampling::observer& watcher() noexcept { return observer_; }
  const sampling::observer& watcher() const noexcept { return observer_; }

 private:
  static bool starts(sampling::engine& one, std::string& refused) {
    std::string why;
    if (one.start(why)) return true;
    refused += (refused.empty() ? "" : "; ") + std::string(one.name()) + ": " + why;
    return false;
  }

  sampling::no_engine none_;
  sampling::thread_timers timers_;
  sampling::observer observer_;
};

}  // namespace collect
}  // namespace pyro
