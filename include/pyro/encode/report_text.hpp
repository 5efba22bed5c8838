#pragma once
// Names for the report's page: from source files, symbol tables, users and foreign files, so they can be anything. Pure, any thread.

#include <pyro/encode/utf8.hpp>

#include <string>       // results
#include <string_view>  // input

namespace pyro::detail {

/// Longest name in the page, in bytes; the middle of longer ones is left out.
inline constexpr std::size_t report_name_bytes = 4096;

/// Valid UTF-8 without control characters: those, and the marks that turn the direction of writing, are written out (`\n`, `\x1b`, `\u202e`),
/// so that two names that differ in them stay two. Most of it is plain ASCII, which is copied as it is.
inline std::string report_text(std::string_view s, std::size_t most = report_name_bytes) {
  std::string out;
  bool plain = s.size() <= most;
  for (std::size_t at = 0; at < s.size() && plain; ++at) plain = s[at] >= ' ' && s[at] < '\x7f';
  if (plain) return std::string(s);
  constexpr std::size_t longest_read = std::size_t{1} << 16U;  // a name of megabytes is not read to its end
  const auto digit = [](std::uint32_t code, unsigned shift) { return "0123456789abcdef"[code >> shift & 15U]; };
  for (std::size_t at = 0; at < s.size() && at < longest_read;) {
    const utf8_step step = utf8_decode(s, at);
    const std::uint32_t c = step.code;
    if (step.bytes == 0) out += "\xef\xbf\xbd";
    else if (c == '\n' || c == '\t' || c == '\r') (out += '\\') += c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
    else if (is_control(c) && c < 0x100U) ((out += "\\x") += digit(c, 4)) += digit(c, 0);
    else if (is_control(c)) ((((out += "\\u") += digit(c, 12)) += digit(c, 8)) += digit(c, 4)) += digit(c, 0);
    else out.append(s.substr(at, step.bytes));
    at += step.bytes == 0 ? 1 : step.bytes;
  }
  if (s.size() > longest_read) out += "\xe2\x80\xa6";
  return elide_bytes(out, most);
}

}  // namespace pyro::detail
