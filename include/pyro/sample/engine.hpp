#pragma once
// What takes samples. One small interface; an engine that is refused by the system says why, and "none" stands in for it.
// All members are called with the registry's lock held, never from a signal handler.

#include <pyro/sample/thread.hpp>

#include <string>

namespace pyro {
namespace sampling PYRO_HIDDEN {

class engine {
 public:
  /// Goes into every profile.
  virtual const char* name() const noexcept = 0;

  /// Ready to attach threads; otherwise false, and why.
  virtual bool start(std::string& why_not) = 0;

  /// Begins to sample a thread, from any thread of the process. False where the system refuses (limits, seccomp).
  virtual bool attach(thread& t, std::int64_t period_ns) noexcept = 0;

  /// Changes the period; 0 suspends.
  virtual void set_period(thread& t, std::int64_t period_ns) noexcept = 0;

  /// In a thread that is about to end: accounts for CPU time whose expiry will never be delivered.
  virtual void settle(thread&) noexcept {}

  /// Ends the sampling of a thread. The thread still exists or is known to be gone.
  virtual void detach(thread& t) noexcept = 0;

  /// True while samples can arrive: nobody took our signal.
  virtual bool healthy() const noexcept { return true; }

  /// Signals that carried no valid cookie, so far.
  virtual std::uint64_t foreign_signals() const noexcept { return 0; }

 protected:
  ~engine() = default;  // engines are never destroyed: a signal may still be on its way
};

/// Scopes and counts alone.
class no_engine final : public engine {
 public:
  const char* name() const noexcept override { return "none"; }
  bool start(std::string&) override { return true; }
  bool attach(thread&, std::int64_t) noexcept override { return true; }
  void set_period(thread&, std::int64_t) noexcept override {}
  void detach(thread&) noexcept override {}
};

}  // namespace sampling
}  // namespace pyro
