#pragma once
// Source files, lines and inlined functions of an address: asked here, answered by what the program has included
// (pyro/sample/libbacktrace.hpp), else by nobody. One thread at a time; not signal safe; nothing is thrown.

#include <pyro/core/abi.hpp>

#include <atomic>   // the slot
#include <cstdint>  // fixed-width integers
#include <string>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

struct source_line {
  std::string function;  ///< demangled
  std::string system_name;
  std::string file;
  int line = 0;
};

/// Appends what is at an address, the innermost inlined function first, the function itself last. False, and nothing, where it isn't known.
using line_finder = bool (*)(std::uint64_t address, std::vector<source_line>& lines);

// Set while static variables are initialised; constant initialisation makes the order irrelevant.
inline std::atomic<line_finder> line_finder_slot{nullptr};

inline bool find_lines(std::uint64_t address, std::vector<source_line>& lines) {
  const line_finder finder = line_finder_slot.load(std::memory_order_acquire);
  return finder != nullptr && finder(address, lines);
}

}  // namespace sampling
}  // namespace pyro
