#pragma once
// From the linker's name to the one people write. Any thread; not signal safe.

#include <pyro/core/abi.hpp>

#include <cstdlib>   // free
#include <cxxabi.h>  // __cxa_demangle
#include <string>

namespace pyro {
namespace sampling PYRO_HIDDEN {

/// The name itself where it isn't mangled, or too long.
inline std::string demangle(const std::string& name) {
  constexpr std::size_t longest = 4096;
  if (name.size() > longest || name.compare(0, 2, "_Z") != 0) return name;
  int status = 0;
  char* text = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  if (text == nullptr) return name;
  std::string result(text);
  std::free(text);
  return result;
}

}  // namespace sampling
}  // namespace pyro
