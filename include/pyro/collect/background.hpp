#pragma once
// Threads of pyro's own: they block every signal, have a name, and are never waited for without a bound.

#include <pyro/core/atomic.hpp>
#include <pyro/platform/system.hpp>
#include <pyro/platform/threads.hpp>

#include <csignal>    // mask
#include <pthread.h>

namespace pyro {
namespace collect PYRO_HIDDEN {

class background_thread {
 public:
  using body = void (*)(void*);

  /// False where the system refuses a thread.
  bool start(const char* name, body run, void* argument) noexcept {
    run_ = run;
    argument_ = argument;
    core::store_relaxed(ended_, false);
    core::store_relaxed(tid_, 0);
    core::store_relaxed(cpu_ns_, 0);
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // a new thread inherits the mask: no signal can slip in
    const bool made = ::pthread_create(&handle_, nullptr, &entry, this) == 0;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (made) ::pthread_setname_np(handle_, name);
    core::store_relaxed(running_, made);
    lingering_ = false;
    return made;
  }

  /// Waits until the thread is at its end; false where that takes longer than `timeout_ns`.
  bool wait_for_end(std::int64_t timeout_ns) noexcept {
    const std::int64_t deadline = platform::monotonic_ns() + timeout_ns;
    while (core::load_relaxed(running_) && !core::load_acquire(ended_)) {
      const std::int64_t left = deadline - platform::monotonic_ns();
      if (left <= 0) return false;
      end_.wait(left);
    }
    return true;
  }

  /// The same; where it takes longer the thread is left to itself.
  bool join(std::int64_t timeout_ns) noexcept {
    const bool ended = wait_for_end(timeout_ns);
    if (!__atomic_exchange_n(&running_, false, __ATOMIC_ACQ_REL)) return true;
    if (!ended) {
      ::pthread_detach(handle_);
      lingering_ = true;
      return false;
    }
    ::pthread_join(handle_, nullptr);
    return true;
  }

  /// In a forked child: the thread does not exist there.
  void forget() noexcept {
    core::store_relaxed(running_, false);
    lingering_ = false;
  }

  bool running() const noexcept { return core::load_relaxed(running_); }
  /// Given up by `join`, and still at work.
  bool lingers() const noexcept { return lingering_ && !core::load_acquire(ended_); }
  bool is_this() const noexcept { return core::load_relaxed(tid_) == platform::thread_id(); }

  /// CPU time so far; of a thread that has ended, its whole.
  std::int64_t cpu_ns() const noexcept {
    if (core::load_acquire(ended_)) return core::load_relaxed(cpu_ns_);
    const pid_t tid = core::load_relaxed(tid_);
    return tid == 0 ? 0 : platform::clock_ns(platform::thread_cpu_clock(tid));
  }

 private:
  static void* entry(void* self_) noexcept {
    auto& self = *static_cast<background_thread*>(self_);
    core::store_relaxed(self.tid_, platform::thread_id());
    const platform::own_thread mark;
    self.run_(self.argument_);
    core::store_relaxed(self.cpu_ns_, platform::clock_ns(CLOCK_THREAD_CPUTIME_ID));
    core::store_release(self.ended_, true);
    self.end_.set();
    return nullptr;
  }

  pthread_t handle_{};
  body run_ = nullptr;
  void* argument_ = nullptr;
  platform::event end_;
  pid_t tid_ = 0;
  std::int64_t cpu_ns_ = 0;
  bool ended_ = false;
  bool running_ = false;
  bool lingering_ = false;
};

}  // namespace collect
}  // namespace pyro
