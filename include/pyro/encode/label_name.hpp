#pragma once
// Label names as Pyroscope takes them: [A-Za-z_][A-Za-z0-9_]*. The server stores others, but hides them from its queries. Pure, any thread.

#include <pyro/encode/utf8.hpp>

#include <string>       // results
#include <string_view>  // input

namespace pyro::detail {

/// `name` with `_` for every character that is not allowed, and one in front of a digit: "http.route" becomes "http_route", "1st" "_1st".
/// Empty where `name` is.
inline std::string label_name(std::string_view name) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  std::string out;
  if (!name.empty() && digit(name[0])) out += '_';
  for (std::size_t at = 0; at < name.size();) {
    out += letter(name[at]) || digit(name[at]) ? name[at] : '_';
    const std::size_t bytes = utf8_decode(name, at).bytes;
    at += bytes == 0 ? 1 : bytes;
  }
  return out;
}

}  // namespace pyro::detail
