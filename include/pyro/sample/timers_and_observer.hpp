#pragma once
// Both engines at once: the observer says how a thread's CPU time is divided among its scopes, the timers' signals which native frames there are
// within each (collect/post_stratification.hpp). Under the registry's lock.

#include <pyro/sample/observer.hpp>
#include <pyro/sample/thread_timers.hpp>

#include <string>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class timers_and_observer final : public engine {
 public:
  timers_and_observer(thread_timers& timers, observer& watcher) noexcept : timers_(timers), observer_(watcher) {}

  const char* name() const noexcept override { return "thread_timers+observer"; }

  bool start(std::string& why_not) override { return observer_.start(why_not) && timers_.start(why_not); }

  bool attach(thread& t, std::int64_t period_ns) noexcept override {
    if (timers_.attach(t, period_ns) && observer_.attach(t, period_ns)) return true;
    detach(t);
    return false;
  }
  void set_period(thread& t, std::int64_t period_ns) noexcept override {
    timers_.set_period(t, period_ns);
    observer_.set_period(t, period_ns);
  }
  void settle(thread& t) noexcept override { observer_.settle(t); }
  void detach(thread& t) noexcept override {
    timers_.detach(t);
    observer_.detach(t);
  }
  bool healthy() const noexcept override { return timers_.healthy(); }
  std::uint64_t foreign_signals() const noexcept override { return timers_.foreign_signals(); }

 private:
  thread_timers& timers_;
  observer& observer_;
};

}  // namespace sampling
}  // namespace pyro
