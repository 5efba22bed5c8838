#pragma once
// Signals of the program, where it asked for them: one that flushes before it ends the program, one that pauses and resumes profiling.
// Only signals that are at their default are taken: the program's own handlers are never replaced.
// The handlers are signal safe: a store and a futex. The pump acts on what they left.

#include <pyro/core/atomic.hpp>
#include <pyro/logger.hpp>
#include <pyro/settings.hpp>

#include <cerrno>   // kept over the handlers
#include <csignal>  // sigaction
#include <unistd.h>  // getpid

namespace pyro {
namespace collect PYRO_HIDDEN {

class program_signals {
 public:
  /// `wake`: the pump's event.
  program_signals(platform::event& wake, detail::logger& log) noexcept : wake_(wake), log_(log) {}

  void install(const config& wanted) noexcept {
    current_ = this;
    if (wanted.flush_on_signals)  // SA_RESETHAND: a second Ctrl-C ends the program at once
      for (const int number : {SIGINT, SIGTERM}) take(number, &on_end, static_cast<int>(SA_RESETHAND), "flush_on_signals");
    if (!wanted.toggle_signal.empty()) take(detail::parse_signal(wanted.toggle_signal), &on_toggle, 0, "toggle_signal");
  }

  void set_pump_runs(bool runs) noexcept { core::store_release(pump_runs_, runs); }

  /// True once for each toggle.
  bool take_toggle() noexcept { return __atomic_exchange_n(&toggle_, 0, __ATOMIC_ACQ_REL) != 0; }

  /// The signal that is to end the program; 0 where there is none.
  int ending() const noexcept { return core::load_acquire(ending_); }

  /// Lets the signal take its course, from whatever thread.
  static void end_program(int number) noexcept {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(number, &standard, nullptr);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, number);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::kill(::getpid(), number);
  }

  /// In a forked child: what came for the parent is the parent's.
  void forget() noexcept {
    ending_ = toggle_ = 0;
    pump_runs_ = false;
  }

 private:
  void take(int number, void (*handler)(int), int flags, const char* setting) noexcept {
    struct sigaction now {};
    if (::sigaction(number, nullptr, &now) != 0) return;
    if ((now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == handler) return;
    if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL) {
      log_(log_level::info, std::string(setting) + ": the program handles signal " + std::to_string(number) + " itself; pyro leaves it alone");
      return;
    }
    struct sigaction ours {};
    ours.sa_handler = handler;
    ours.sa_flags = SA_RESTART | flags;
    ::sigemptyset(&ours.sa_mask);
    ::sigaction(number, &ours, nullptr);
  }

  static void on_end(int number) {
    const int saved_errno = errno;
    core::store_release(current_->ending_, number);
    current_->wake_.set();
    if (!core::load_acquire(current_->pump_runs_)) ::raise(number);  // nobody to flush; the default, by now
    errno = saved_errno;
  }
  static void on_toggle(int) {
    const int saved_errno = errno;
    core::store_release(current_->toggle_, 1);
    current_->wake_.set();
    errno = saved_errno;
  }

  static inline program_signals* current_ = nullptr;  ///< for the handlers, which must not take a static's guard

  platform::event& wake_;
  detail::logger& log_;
  int ending_ = 0;
  int toggle_ = 0;
  bool pump_runs_ = false;
};

}  // namespace collect
}  // namespace pyro
