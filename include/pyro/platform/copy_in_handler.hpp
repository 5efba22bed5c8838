#pragma once
// Copies this process's memory that may not be mapped, from within a signal handler: nothing faults, errno is kept, no function of the
// C library is called (which might be bound lazily, at its first call). Signal safe. Linux on x86-64 and aarch64; elsewhere it copies
// nothing.

#include <pyro/core/abi.hpp>

#include <cstddef>
#include <cstdint>
#include <sys/syscall.h>  // numbers
#include <sys/uio.h>      // iovec

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

/// Bytes copied from `address` on, up to the first page that can't be read: 0 to `size`, of which 16 KiB at most. About a microsecond. Never
/// inlined: its frame would lie on the program's stack for as long as its callers' does.
PYRO_NOINLINE inline std::size_t copy_in_handler(std::uintptr_t address, void* into, std::size_t size) noexcept {
#if defined(__x86_64__) || defined(__aarch64__)
  // The kernel promises to tell parts apart by elements, so each page is one.
  constexpr std::uintptr_t page = 4096;
  constexpr std::size_t most = 5;
  if (size > (most - 1) * page) size = (most - 1) * page;
  iovec remote[most];
  unsigned long count = 0;
  std::uintptr_t at = address;
  for (std::size_t left = size; left != 0 && count < most;) {
    std::size_t part = page - at % page;
    if (part > left) part = left;
    remote[count++] = {reinterpret_cast<void*>(at), part};
    at += part;
    left -= part;
  }
  const iovec local{into, size};
  const long self = raw_system_call(SYS_getpid, 0, 0, 0, 0, 0, 0);
  const long got = raw_system_call(SYS_process_vm_readv, self, reinterpret_cast<long>(&local), 1, reinterpret_cast<long>(remote),
                                   static_cast<long>(count), 0);
  return got > 0 ? static_cast<std::size_t>(got) : 0;
#else
  (void)address, (void)into, (void)size;
  return 0;
#endif
}

}  // namespace platform
}  // namespace pyro
