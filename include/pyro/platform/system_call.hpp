#pragma once
// System calls from within a signal handler: no function of the C library, which might be bound lazily, at its first call, and would write
// to errno. Signal safe. Linux on x86-64 and aarch64; elsewhere they fail.

#include <pyro/core/abi.hpp>

#include <cstdint>        // fixed-width integers
#include <sys/syscall.h>  // numbers

namespace pyro {
namespace platform PYRO_HIDDEN {

/// A system call; negative: an error's number. syscall(2).
inline long raw_system_call(long number, long a, long b, long c, long d, long e, long f) noexcept {
#if defined(__x86_64__)
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
#else
  (void)number, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
  return -1;
#endif
}

/// Where the C library keeps the calling thread's own data: for threads that pthread_create made, at the top of their stack. Asked of the
/// kernel on x86-64: the register may be 0, or somebody else's, in threads that the C library did not make.
inline std::uintptr_t thread_pointer() noexcept {
  std::uintptr_t pointer = 0;
#if defined(__x86_64__)
  constexpr long get_fs = 0x1003;  // ARCH_GET_FS
  if (raw_system_call(SYS_arch_prctl, get_fs, reinterpret_cast<long>(&pointer), 0, 0, 0, 0) != 0) return 0;
#elif defined(__aarch64__)
  __asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
  return pointer;
}

}  // namespace platform
}  // namespace pyro
