#pragma once
// The engines that there are, and which of them takes the samples: the one that is asked for, or what takes its place where the system refuses
// it. Under the registry's lock, but for `running`.

#include <pyro/sample/timers_and_observer.hpp>

#include <string>
#include <string_view>  // their names

namespace pyro {
namespace collect PYRO_HIDDEN {

class engines {
 public:
  explicit engines(const sampling::thread_table& table) noexcept : timers_(table) {}

  /// One that has started; `refused` says which could not and why. `native`: with native frames where that can be;
  /// `can_look`: there is a thread to look.
  sampling::engine& start(std::string_view wanted, bool native, bool can_look, std::string& refused) {
    refused.clear();
    const bool both = wanted == "auto" && native;
    if (wanted == "auto" || wanted == observer_.name()) {
      if (!can_look) refused = "observer: it needs background threads (background, PYRO_BACKGROUND)";
      else if (both ? starts(both_, refused) : starts(observer_, refused)) return both ? static_cast<sampling::engine&>(both_) : observer_;
    }
    if (wanted != none_.name() && starts(timers_, refused)) return timers_;
    return none_;
  }

  /// Whether an engine looks at threads, takes native frames.
  bool looks(const sampling::engine& one) const noexcept { return &one == &observer_ || &one == &both_; }
  bool walks(const sampling::engine& one) const noexcept { return &one == &timers_ || &one == &both_; }
  bool is_both(const sampling::engine& one) const noexcept { return &one == &both_; }

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
  sampling::timers_and_observer both_{timers_, observer_};
};

}  // namespace collect
}  // namespace pyro
