#pragma once
// Label names as Pyroscope takes them: [A-Za-z_][A-Za-z0-9_]*. The server stores others, but hides them from its queries. Pure, any thread.

#include <string>       // results
#include <string_view>  // input

namespace pyro::detail {

/// True for the label names that every version of the server shows.
inline bool is_label_name(std::string_view name) noexcept {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  for (const char c : name)
    if (!letter(c) && !(c >= '0' && c <= '9')) return false;
  return true;
}

/// `name` with `_` for every character that is not allowed, and one in front of a digit: "http.route" becomes "http_route", "1st" "_1st".
/// At most `most` bytes. Empty where `name` is.
inline std::string label_name(std::string_view name, std::size_t most) {
  std::string out;
  if (!name.empty() && name[0] >= '0' && name[0] <= '9') out += '_';
  for (const char c : name) {
    if (out.size() >= most) break;
    if ((static_cast<unsigned char>(c) & 0xc0U) == 0x80U) continue;  // the rest of a character that has its `_` already
    out += is_label_name(std::string{'_', c}) ? c : '_';
  }
  return out;
}

}  // namespace pyro::detail
