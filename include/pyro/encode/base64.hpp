#pragma once
// Base64 in parts, so that a large page is never in memory twice. Pure, any thread. Format: RFC 4648, section 4.

#include <cstddef>      // size_t
#include <string>       // a part
#include <string_view>  // the bytes

namespace pyro::detail {

/// Calls `sink(std::string_view)` with the text of `bytes`, at most 16 KiB at a time, padded at the end.
template <class Sink>
void base64(std::string_view bytes, Sink&& sink) {
  static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr std::size_t part = std::size_t{12} << 10U;  // a multiple of 3
  std::string out;
  out.reserve(part / 3 * 4);
  const auto byte = [&](std::size_t at) { return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U; };
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const unsigned three = byte(at) << 16U | byte(at + 1) << 8U | byte(at + 2);
    out += digits[three >> 18U];
    out += digits[three >> 12U & 63U];
    out += at + 1 < bytes.size() ? digits[three >> 6U & 63U] : '=';
    out += at + 2 < bytes.size() ? digits[three & 63U] : '=';
    if (out.size() == part / 3 * 4) {
      sink(std::string_view(out));
      out.clear();
    }
  }
  if (!out.empty()) sink(std::string_view(out));
}

}  // namespace pyro::detail
