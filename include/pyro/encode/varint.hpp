#pragma once
// Whole numbers in one to ten bytes, seven bits each, the low ones first (LEB128). Pure, any thread.

#include <cstdint>  // values
#include <string>   // the bytes

namespace pyro::detail {

inline void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80U; value >>= 7U) out += static_cast<char>((value & 0x7fU) | 0x80U);
  out += static_cast<char>(value);
}

/// Reads what `append_varint` wrote and moves `at` behind it. Only for bytes of our own: there is no end that it looks for.
inline std::uint64_t read_varint(const char*& at) noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7U) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80U) return value;
  }
}

}  // namespace pyro::detail
