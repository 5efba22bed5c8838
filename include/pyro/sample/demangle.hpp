#pragma once
// From the linker's name to the one people write: `demangle`. Any thread; not signal safe.
//
// By our own reader, which is bounded in depth, nodes, steps and bytes. abi::__cxa_demangle isn't: a name of a hundred bytes can refer to its
// own parts so that it writes gigabytes, or have it try for ever. And that of g++ 12 refuses a quarter of the names of a program with
// Boost.Asio: those of more than 1024 bytes, and those with auto&&... in them. It is asked where our reader does not understand a name, and the
// name can do no harm. docs/symbols.md has the figures.

#include <pyro/sample/mangled_writer.hpp>

#include <algorithm>  // max
#include <cstdlib>    // free
#include <cxxabi.h>   // __cxa_demangle
#include <string>
#include <string_view>
#include <vector>

namespace pyro {
namespace sampling PYRO_HIDDEN {

inline constexpr std::size_t longest_demangled = 65536;  ///< bytes; what gets longer stays mangled
inline constexpr std::size_t longest_mangled = 16384;

/// By our own reader. Empty where the name isn't one, is not understood, or gets too long.
inline std::string demangle_bounded(std::string_view name) {
  std::string text;
  if (name.size() > longest_mangled) return text;
  mangled::tree tree;
  const mangled::index root = mangled::parser(name, tree).parse();
  if (root == 0 || !mangled::writer(tree, longest_demangled).write(root, text)) text.clear();
  return text;
}

/// No less than what a name gets long demangled, about: each reference counts as the largest group that was closed before it.
inline double most_demangled(std::string_view name) {
  std::vector<double> outer;
  double here = 0;
  double largest = 64;  // the longest of the standard's abbreviations
  for (std::size_t i = 2; i < name.size();) {
    const char c = name[i++];
    if (c >= '0' && c <= '9') {
      std::size_t n = static_cast<std::size_t>(c - '0');
      while (i < name.size() && name[i] >= '0' && name[i] <= '9' && n < name.size()) n = n * 10 + static_cast<std::size_t>(name[i++] - '0');
      if (n <= name.size() - i) i += n;
      here += 2.0 * static_cast<double>(n) + 8;  // twice: constructors repeat it
    } else if (c == 'S' || c == 'T') {
      here += largest;
    } else if (c == 'I' || c == 'N' || c == 'J' || c == 'F' || c == 'X' || c == 'L') {
      outer.push_back(here);
      here = 8;
    } else if (c == 'E' && !outer.empty()) {
      largest = std::max(largest, here);
      here += outer.back();
      outer.pop_back();
    } else {
      here += 16;
    }
  }
  for (const double o : outer) here += o;
  return here;
}

/// Whether abi::__cxa_demangle can be trusted with a name. Conversions to template parameters within each other have it try 2^n ways.
inline bool is_harmless(std::string_view name) {
  constexpr std::size_t library_limit = 1024;
  constexpr double most = 1 << 20;  // some milliseconds, should it get so long
  const std::size_t conversion = name.find("cv");
  return name.size() <= library_limit && (conversion == std::string_view::npos || name.find("cv", conversion + 2) == std::string_view::npos) &&
         most_demangled(name) <= most;
}

/// The name itself where it isn't mangled, or can't be demangled within bounds.
inline std::string demangle(const std::string& name) {
  if (name.compare(0, 2, "_Z") != 0 || name.size() > longest_mangled) return name;
  std::string text = demangle_bounded(name);
  if (!text.empty()) return text;
  if (!is_harmless(name)) return name;
  int status = 0;
  char* other = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  if (other == nullptr) return name;
  text = other;
  std::free(other);
  return text.size() <= longest_demangled ? text : name;
}

}  // namespace sampling
}  // namespace pyro
