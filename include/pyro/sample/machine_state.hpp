#pragma once
// The registers that unwinding needs, from what the kernel hands to a signal handler. Signal safe.

#include <pyro/core/abi.hpp>

#include <cstddef>     // offsetof
#include <cstdint>
#include <ucontext.h>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct machine_state {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t fp = 0;      ///< rbp, x29
  std::uintptr_t second = 0;  ///< x86-64: rbx. aarch64: x30, the return address of functions that have called nobody yet
  // x86-64: known where a signal interrupted, and lost by the first step.
  std::uintptr_t rax = 0, r10 = 0, r11 = 0;
};

/// Where those are in the ucontext, in bytes; and how far behind sp the ucontext lies in the frame that the kernel makes for a signal
/// (arch/x86/kernel/signal_64.c: struct rt_sigframe without its return address; arch/arm64/kernel/signal.c: behind the siginfo).
struct context_layout {
#if defined(__x86_64__)
  static constexpr std::size_t in_frame = 0;
  static constexpr std::size_t registers = offsetof(ucontext_t, uc_mcontext.gregs);
  static constexpr std::size_t pc = registers + REG_RIP * 8, sp = registers + REG_RSP * 8, fp = registers + REG_RBP * 8;
  static constexpr std::size_t second = registers + REG_RBX * 8;
  static constexpr std::size_t rax = registers + REG_RAX * 8, r10 = registers + REG_R10 * 8, r11 = registers + REG_R11 * 8;
#elif defined(__aarch64__)
  static constexpr std::size_t in_frame = 128;
  static constexpr std::size_t registers = offsetof(ucontext_t, uc_mcontext.regs);
  static constexpr std::size_t pc = offsetof(ucontext_t, uc_mcontext.pc), sp = offsetof(ucontext_t, uc_mcontext.sp);
  static constexpr std::size_t fp = registers + 29 * 8, second = registers + 30 * 8;
#endif
};

/// Reads the registers by `word(offset in the ucontext, into)`; false where one can't be read.
template <class Word>
inline bool read_context(machine_state& m, Word&& word) noexcept {
#if defined(__x86_64__) || defined(__aarch64__)
  using at = context_layout;
  bool good = word(at::pc, m.pc) && word(at::sp, m.sp) && word(at::fp, m.fp) && word(at::second, m.second);
#if defined(__x86_64__)
  good = good && word(at::rax, m.rax) && word(at::r10, m.r10) && word(at::r11, m.r11);
#endif
  return good;
#else
  (void)m, (void)word;
  return false;
#endif
}

/// What was interrupted: the third argument of a handler with SA_SIGINFO. All zeros on other machines.
inline machine_state state_of(const void* ucontext) noexcept {
  machine_state m;
  read_context(m, [ucontext](std::size_t offset, std::uintptr_t& into) noexcept {
    __builtin_memcpy(&into, static_cast<const char*>(ucontext) + offset, sizeof into);
    return true;
  });
  return m;
}

}  // namespace sampling
}  // namespace pyro
