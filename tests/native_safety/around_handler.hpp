#pragma once
// Puts code of the test around pyro's SIGPROF handler: replaces sigaction in the program. Include it in one of its files, which defines
// `around_handler::run`. Not under sanitizers, which replace sigaction themselves.

#include <csignal>

extern "C" int __sigaction(int number, const struct sigaction* wanted, struct sigaction* before) noexcept;  // the C library's

namespace around_handler {

using handler = void (*)(int, siginfo_t*, void*);
inline handler inner = nullptr;  // pyro's

/// What the kernel calls instead of pyro's handler; calls `inner`. Stack and all are the test's to measure.
void run(int number, siginfo_t* info, void* context);

}  // namespace around_handler

extern "C" int sigaction(int number, const struct sigaction* wanted, struct sigaction* before) noexcept {
  if (number != SIGPROF) return __sigaction(number, wanted, before);
  struct sigaction changed {};
  if (wanted != nullptr) {
    changed = *wanted;
    if ((wanted->sa_flags & SA_SIGINFO) != 0 && wanted->sa_sigaction != nullptr) {
      around_handler::inner = wanted->sa_sigaction;
      changed.sa_sigaction = &around_handler::run;
    }
  }
  const int result = __sigaction(number, wanted != nullptr ? &changed : nullptr, before);
  // Who asks what is installed shall find its own.
  if (before != nullptr && (before->sa_flags & SA_SIGINFO) != 0 && before->sa_sigaction == &around_handler::run)
    before->sa_sigaction = around_handler::inner;
  return result;
}
