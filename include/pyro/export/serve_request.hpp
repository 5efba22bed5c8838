#pragma once
// What a client of the live view asks for, and whether it may. Pure, any thread; everything here comes from strangers.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pyro::detail {

/// A parameter of a query, percent-decoded; false where it is not there.
inline bool query_value(std::string_view query, std::string_view key, std::string& value) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    const std::size_t equals = item.find('=');
    if (item.substr(0, equals) != key) continue;
    value.clear();
    const std::string_view text = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
        value += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
        i += 2;
      } else {
        value += text[i] == '+' ? ' ' : text[i];
      }
    }
    return true;
  }
  return false;
}

/// As Go's server reads `seconds`: 30 where it is absent, no number, or not above 0. At most 10 digits count.
inline std::int64_t profile_seconds(std::string_view query) {
  std::string text;
  if (!query_value(query, "seconds", text) || text.empty()) return 30;
  std::int64_t seconds = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return 30;
    if (seconds < 1000000000) seconds = seconds * 10 + (c - '0');
  }
  return seconds > 0 ? seconds : 30;
}

/// Takes the same time wherever the two differ.
inline bool equal_in_constant_time(std::string_view shown, std::string_view secret) noexcept {
  volatile unsigned difference = shown.size() != secret.size();
  for (std::size_t i = 0; i < shown.size(); ++i)
    difference = difference | static_cast<unsigned char>(shown[i] ^ (secret.empty() ? '\0' : secret[i % secret.size()]));
  return difference == 0;
}

/// `Authorization: Bearer TOKEN`, or the parameter `token`.
inline bool shows_token(std::string_view authorization, std::string_view query, std::string_view token) {
  const std::size_t space = authorization.find(' ');
  std::string scheme(authorization.substr(0, space));
  for (char& c : scheme)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (scheme == "bearer" && space != std::string_view::npos) {
    std::string_view shown = authorization.substr(space);
    while (!shown.empty() && shown.front() == ' ') shown.remove_prefix(1);
    return equal_in_constant_time(shown, token);
  }
  std::string shown;
  return query_value(query, "token", shown) && equal_in_constant_time(shown, token);
}

/// A web page of somebody's may have its own name resolve to this machine and then read what is served here (DNS rebinding). Its browser
/// says that name in `Host`; addresses and `localhost` are beyond such tricks.
inline bool is_own_host(std::string_view host) noexcept {
  if (!host.empty() && host.front() == '[') {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos || end < 3) return false;
    for (const char c : host.substr(1, end - 1))
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.')) return false;
    return true;
  }
  host = host.substr(0, host.find(':'));
  std::string name(host.substr(0, 64));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  if (name == "localhost") return true;
  int dots = 0;
  for (const char c : host) {
    if (c == '.') ++dots;
    else if (c < '0' || c > '9') return false;
  }
  return dots == 3 && host.front() != '.' && host.back() != '.';
}

/// A script of another site's page; links and typed addresses are not.
inline bool is_foreign_script(std::string_view fetch_site, std::string_view fetch_mode) noexcept {
  return (fetch_site == "cross-site" || fetch_site == "same-site") && fetch_mode != "navigate";
}

/// Text into a page or an attribute.
inline std::string html_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

/// Text into a query.
inline std::string percent_encode(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

}  // namespace pyro::detail
