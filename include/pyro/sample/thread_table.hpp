#pragma once
// Where a signal handler finds threads: the registry's table, which only grows. Signal safe.

#include <pyro/sample/thread.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct thread_table {
  static constexpr std::uint32_t capacity = 16384;
  thread* threads[capacity];
};

}  // namespace sampling
}  // namespace pyro
