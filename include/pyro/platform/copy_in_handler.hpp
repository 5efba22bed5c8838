#pragma once
// Copies this process's memory that may not be mapped, from within a signal handler: nothing faults, errno is kept, no function of the
// C library is called (which might be bound lazily, at its first call). Signal safe. Linux on x86-64 and aarch64; elsewhere it copies
// nothing.

#include <pyro/platform/system_call.hpp>

#include <cstddef>
#include <cstdint>
#include <sys/uio.h>  // iovec

namespace pyro {
namespace platform PYRO_HIDDEN {

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
