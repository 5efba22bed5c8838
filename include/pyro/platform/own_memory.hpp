#pragma once
// This process's memory, read through the kernel: an address that is not mapped, or no longer, is an error instead of a SIGSEGV.
// Called by the worker; not signal safe.

#include <pyro/core/abi.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fcntl.h>    // open
#include <sys/uio.h>  // process_vm_readv
#include <unistd.h>   // getpid, pread

namespace pyro {
namespace platform PYRO_HIDDEN {

/// All `size` bytes at `address`, or false. One or two microseconds.
inline bool read_own_memory(std::uint64_t address, void* into, std::size_t size) noexcept {
  const iovec local{into, size};
  const iovec remote{reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)), size};
  const ssize_t got = ::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0);
  if (got >= 0) return got == static_cast<ssize_t>(size);
  if (errno != EPERM && errno != ENOSYS) return false;
  // Containers may forbid that call (older seccomp profiles do). The file does the same, unless the process is not dumpable.
  const int memory = ::open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  const bool read = ::pread(memory, into, size, static_cast<off_t>(address)) == static_cast<ssize_t>(size);
  ::close(memory);
  return read;
}

}  // namespace platform
}  // namespace pyro
