#pragma once
// UTF-8: repair, width on a terminal, shortening. Names come from source files, symbol tables and users, so they can be anything.
// Pure, any thread. Decoding rules: The Unicode Standard, table 3-7 (no overlong forms, no surrogates).

#include <cstddef>      // size_t
#include <cstdint>      // code points
#include <string>       // results
#include <string_view>  // input

namespace pyro::detail {

struct utf8_step {
  std::uint32_t code = 0;
  std::size_t bytes = 0;  ///< 0 where the bytes are no UTF-8
};

/// Decodes the character that begins at `at`, which must be within `s`.
inline utf8_step utf8_decode(std::string_view s, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return at + i < s.size() ? static_cast<unsigned char>(s[at + i]) : 0U;
  };
  const auto more = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const auto bits = [&](std::size_t i) { return byte(i) & 0x3fU; };
  const std::uint32_t first = byte(0);
  if (first < 0x80U) return {first, 1};
  if (first >= 0xc2U && first <= 0xdfU && more(1)) return {(first & 0x1fU) << 6U | bits(1), 2};
  if ((first & 0xf0U) == 0xe0U && more(1) && more(2)) {
    const std::uint32_t code = (first & 0x0fU) << 12U | bits(1) << 6U | bits(2);
    if (code >= 0x800U && (code < 0xd800U || code > 0xdfffU)) return {code, 3};
  }
  if ((first & 0xf8U) == 0xf0U && more(1) && more(2) && more(3)) {
    const std::uint32_t code = (first & 0x07U) << 18U | bits(1) << 12U | bits(2) << 6U | bits(3);
    if (code >= 0x10000U && code <= 0x10ffffU) return {code, 4};
  }
  return {};
}

/// `s` with every byte that is no part of valid UTF-8 replaced by U+FFFD.
inline std::string utf8_repair(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t bytes = utf8_decode(s, i).bytes;
    if (bytes == 0) {
      out += "\xef\xbf\xbd";
      ++i;
    } else {
      out += s.substr(i, bytes);
      i += bytes;
    }
  }
  return out;
}

/// Control characters: C0, delete, C1, line and paragraph separators, and the marks that turn the direction of writing.
inline bool is_control(std::uint32_t c) noexcept {
  return c < 0x20U || (c >= 0x7fU && c < 0xa0U) || (c >= 0x2028U && c <= 0x202eU) || (c >= 0x2066U && c <= 0x2069U);
}

/// Valid UTF-8 on one line: repaired, each control character replaced by a space (so that no name can steer a terminal).
inline std::string one_line(std::string_view s) {
  const std::string repaired = utf8_repair(s);
  std::string out;
  out.reserve(repaired.size());
  for (std::size_t i = 0; i < repaired.size();) {
    const utf8_step step = utf8_decode(repaired, i);
    if (is_control(step.code)) out += ' ';
    else out.append(repaired, i, step.bytes);
    i += step.bytes;
  }
  return out;
}

/// Columns a character takes on a terminal: 0 for combining marks, 2 for East Asian wide characters and emoji, else 1.
inline std::size_t width_of(std::uint32_t c) noexcept {
  const auto within = [c](std::uint32_t low, std::uint32_t high) { return c >= low && c <= high; };
  if (within(0x300, 0x36f) || within(0x200b, 0x200f) || within(0x20d0, 0x20ff) || within(0xfe00, 0xfe0f) || c == 0xfeff) return 0;
  const bool wide = within(0x1100, 0x115f) || within(0x2e80, 0x303e) || within(0x3041, 0xa4cf) || within(0xac00, 0xd7a3) ||
                    within(0xf900, 0xfaff) || within(0xfe30, 0xfe6f) || within(0xff00, 0xff60) || within(0xffe0, 0xffe6) ||
                    within(0x1f300, 0x1f64f) || within(0x1f680, 0x1f6ff) || within(0x1f900, 0x1f9ff) || within(0x20000, 0x3fffd);
  return wide ? 2 : 1;
}

/// Columns a text takes on a terminal. `s` must be valid UTF-8.
inline std::size_t display_width(std::string_view s) noexcept {
  std::size_t width = 0;
  for (std::size_t i = 0; i < s.size();) {
    const utf8_step step = utf8_decode(s, i);
    if (step.bytes == 0) return width;
    width += width_of(step.code);
    i += step.bytes;
  }
  return width;
}

/// `s` in at most `columns` columns: where it is longer, its middle is replaced by `dots`, never cutting a character.
/// `s` must be valid UTF-8.
inline std::string elide(std::string_view s, std::size_t columns, std::string_view dots = "\xe2\x80\xa6") {
  if (display_width(s) <= columns) return std::string(s);
  const std::size_t dots_width = display_width(dots);
  if (columns <= dots_width) return std::string(dots);
  const std::size_t left_columns = (columns - dots_width + 1) / 2;

  std::size_t left = 0;  // bytes kept at the beginning
  std::size_t used = 0;
  for (utf8_step step; (step = utf8_decode(s, left)).bytes != 0 && used + width_of(step.code) <= left_columns; left += step.bytes)
    used += width_of(step.code);

  std::size_t right = s.size();  // where the kept end begins
  for (std::size_t at = right; at > left;) {
    do --at;
    while (at > left && (static_cast<unsigned char>(s[at]) & 0xc0U) == 0x80U);
    const std::size_t width = width_of(utf8_decode(s, at).code);
    if (used + dots_width + width > columns) break;
    used += width;
    right = at;
  }
  return std::string(s.substr(0, left)).append(dots).append(s.substr(right));
}

/// The same in bytes: at most `most` of them, at least as many as `dots` has.
inline std::string elide_bytes(std::string_view s, std::size_t most, std::string_view dots = "\xe2\x80\xa6") {
  if (s.size() <= most) return std::string(s);
  const auto inside = [&s](std::size_t at) { return (static_cast<unsigned char>(s[at]) & 0xc0U) == 0x80U; };
  const std::size_t kept = most > dots.size() ? most - dots.size() : 0;
  std::size_t left = (kept + 1) / 2;
  while (left > 0 && inside(left)) --left;
  std::size_t right = s.size() - (kept - left);
  while (right < s.size() && inside(right)) ++right;
  return std::string(s.substr(0, left)).append(dots).append(s.substr(right));
}

}  // namespace pyro::detail
