#pragma once
// The default engine: a CPU-time timer for each thread, delivered as SIGPROF to that thread.
//
// A timer on a thread's CPU clock never fires while the thread is blocked, so no system call sees EINTR. Expiries that the kernel
// merges are counted in si_overrun and weighted. The first expiry is random within the period, else short threads would never be seen
// and equal threads would be sampled in step. timer_create(2), sigaction(2); SIGEV_THREAD_ID is Linux's.

#include <pyro/platform/system_call.hpp>
#include <pyro/sample/engine.hpp>
#include <pyro/sample/random.hpp>
#include <pyro/sample/thread_table.hpp>

#include <cerrno>      // why a handler is refused
#include <csignal>     // sigaction, siginfo
#include <cstdint>     // fixed-width integers
#include <cstring>     // strerror

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// What a timer carries in sival_ptr: which slot, and for which of its threads it was made.
struct cookie {
  static constexpr std::uint64_t magic = 0x9f70;  // 16 bits; other users of SIGPROF carry pointers, which never start like this
  static void* make(const thread& t) noexcept {
    return reinterpret_cast<void*>(magic << 48 | std::uint64_t{t.generation & 0xffffffU} << 24 | t.index);
  }
  static thread* find(const thread_table& table, void* value) noexcept {
    const auto bits = reinterpret_cast<std::uint64_t>(value);
    const auto index = static_cast<std::uint32_t>(bits & 0xffffffU);
    if (bits >> 48 != magic || index >= thread_table::capacity) return nullptr;
    thread* t = core::load_acquire(table.threads[index]);
    return t != nullptr && (core::load_relaxed(t->generation) & 0xffffffU) == (bits >> 24 & 0xffffffU) ? t : nullptr;
  }
};

class thread_timers final : public engine {
 public:
  explicit thread_timers(const thread_table& table) noexcept : table_(table) {}

  const char* name() const noexcept override { return "thread_timers"; }

  /// Where samples shall have native frames: the tables to find them by; else null.
  void set_tables(const unwind_tables* tables) noexcept { core::store_release(tables_, tables); }

  bool start(std::string& why_not) override {
    core::store_release(current(), this);
    if (healthy()) return true;
    if (installed_) {  // to take it back would be a fight, and handlers that chain would call each other for ever (R5)
      why_not = "another handler for SIGPROF was installed after pyro's";
      return false;
    }
    struct sigaction ours {};
    ours.sa_sigaction = &on_signal;
    // SA_RESTART and SA_ONSTACK for the program's sake. The mask stays empty: with SIGSEGV blocked a fault here would kill the
    // program before its own crash handler runs.
    ours.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    ::sigemptyset(&ours.sa_mask);
    if (::sigaction(SIGPROF, &ours, &previous_) != 0) {
      why_not = std::string("cannot install a SIGPROF handler: ") + std::strerror(errno);
      return false;
    }
    core::store_release(installed_, true);
    return true;
  }

  bool attach(thread& t, std::int64_t period_ns) noexcept override {
    if (t.has_timer) {
      set_period(t, period_ns);
      return true;
    }
    sigevent notify{};
    notify.sigev_notify = SIGEV_THREAD_ID;
    notify.sigev_signo = SIGPROF;
    notify.sigev_notify_thread_id = t.tid;
    notify.sigev_value.sival_ptr = cookie::make(t);
    if (::timer_create(platform::thread_cpu_clock(t.tid), &notify, &t.timer) != 0) return false;
    t.has_timer = true;
    set_period(t, period_ns);
    return true;
  }

  void set_period(thread& t, std::int64_t period_ns) noexcept override {
    core::store_relaxed(period_ns_, period_ns);
    if (!t.has_timer) return;
    const std::int64_t first = period_ns == 0 ? 0 : 1 + random_.below(period_ns);
    core::store_relaxed(t.first_expiry_ns, period_ns == 0 ? 0 : platform::clock_ns(platform::thread_cpu_clock(t.tid)) + first);
    core::store_relaxed(t.delivered, std::uint64_t{0});
    itimerspec times{};
    times.it_interval = to_timespec(period_ns);
    times.it_value = to_timespec(first);
    ::timer_settime(t.timer, 0, &times, nullptr);
  }

  /// The kernel looks at CPU timers on its tick alone: what expired within a thread's last tick is never delivered, which for threads
  /// of a few milliseconds is half their time. It is known from the clock; where the thread stood is not, so it goes to the outermost
  /// scope of late, which was around it.
  void settle(thread& t) noexcept override {
    const std::int64_t period = core::load_relaxed(period_ns_);
    const std::int64_t first = core::load_relaxed(t.first_expiry_ns);
    if (!t.has_timer || period == 0 || first == 0) return;
    sigset_t ours, before;
    ::sigemptyset(&ours);
    ::sigaddset(&ours, SIGPROF);
    ::pthread_sigmask(SIG_BLOCK, &ours, &before);  // one producer for the ring: no handler from here on
    detach(t);
    const std::int64_t now = platform::clock_ns(CLOCK_THREAD_CPUTIME_ID);
    const std::int64_t expired = now < first ? 0 : 1 + (now - first) / period;
    const std::int64_t missing = expired - static_cast<std::int64_t>(core::load_relaxed(t.delivered));
    if (missing > 0 && missing <= max_missing) {
      const std::uintptr_t outermost = core::load_relaxed(t.stack[1].at);
      t.write_settled(static_cast<std::uint32_t>(missing), period, outermost != 0 ? outermost : core::load_relaxed(t.stack[0].at));
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  void detach(thread& t) noexcept override {
    if (!t.has_timer) return;
    ::timer_delete(t.timer);
    t.has_timer = false;
  }

  bool healthy() const noexcept override {
    struct sigaction now {};
    return ::sigaction(SIGPROF, nullptr, &now) == 0 && has_signal(now);
  }

  /// Whether a signal that is handled like this comes here. Any thread.
  static bool has_signal(const struct sigaction& now) noexcept { return (now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == &on_signal; }

  /// Who had the signal before; null: nobody was asked, this engine has not started yet. Any thread.
  static const struct sigaction* before() noexcept {
    const thread_timers* const engine = core::load_acquire(current());
    return engine != nullptr && core::load_acquire(engine->installed_) ? &engine->previous_ : nullptr;
  }

  std::uint64_t foreign_signals() const noexcept override { return core::load_relaxed(foreign_); }

 private:
  static thread_timers*& current() noexcept {
    static thread_timers* engine = nullptr;  // constant-initialised: no guard for the handler to take
    return engine;
  }

  static timespec to_timespec(std::int64_t ns) noexcept {
    return {static_cast<time_t>(ns / 1000000000), static_cast<long>(ns % 1000000000)};
  }

  // ---- signal handler: only atomics and loads from type-stable memory from here on (R1) ----
  // errno is not touched, not even to keep it: where it lies is asked of the C library, by a call that may be bound just then, and by the
  // thread pointer, which threads that the C library did not make may share with another or not have.
  static void on_signal(int number, siginfo_t* info, void* context) {
    thread_timers* self = current();
    thread* t = self != nullptr && info->si_code == SI_TIMER ? cookie::find(self->table_, info->si_value.sival_ptr) : nullptr;
    if (t != nullptr) {
      const std::int64_t period = core::load_relaxed(self->period_ns_);
      if (period != 0) t->take_sample(1U + static_cast<std::uint32_t>(info->si_overrun), period, context, core::load_acquire(self->tables_));
    } else if (self != nullptr) {
      core::add_shared(self->foreign_, 1);
      self->chain(number, info, context);
    }
  }

  /// Not our timer: whoever had the signal before us gets it, as the kernel would have called it: with its mask, and where it asked for that
  /// (SA_RESETHAND) once. The default action would kill the program and is not taken.
  void chain(int number, siginfo_t* info, void* context) {
    const bool with_info = (previous_.sa_flags & SA_SIGINFO) != 0;
    if (with_info ? previous_.sa_sigaction == nullptr || has_signal(previous_) : previous_.sa_handler == SIG_DFL || previous_.sa_handler == SIG_IGN) return;
    if ((previous_.sa_flags & static_cast<int>(SA_RESETHAND)) != 0 && __atomic_exchange_n(&spent_, true, __ATOMIC_ACQ_REL)) return;
    // Not sigprocmask: a call of the C library may be bound just then. The kernel's mask has 64 bits.
    std::uint64_t before = 0;
    const auto mask = [](int how, const void* set, void* old) { platform::raw_system_call(SYS_rt_sigprocmask, how, reinterpret_cast<long>(set), reinterpret_cast<long>(old), sizeof before, 0, 0); };
    mask(SIG_BLOCK, &previous_.sa_mask, &before);
    with_info ? previous_.sa_sigaction(number, info, context) : previous_.sa_handler(number);
    mask(SIG_SETMASK, &before, nullptr);
  }

  // More than a tick's worth was held back by the program, which blocked the signal; its place is not known at all.
  static constexpr std::int64_t max_missing = 50;

  const thread_table& table_;
  const unwind_tables* tables_ = nullptr;
  bool installed_ = false;
  bool spent_ = false;  ///< the handler before was for one signal, and has had it
  struct sigaction previous_ {};
  std::int64_t period_ns_ = 0;
  std::uint64_t foreign_ = 0;
  random_numbers random_;
};

}  // namespace sampling
}  // namespace pyro
