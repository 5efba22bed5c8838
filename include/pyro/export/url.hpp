#pragma once
// URLs of servers and proxies, and which hosts go past a proxy. Pure, any thread. RFC 3986, as far as servers need it.

#include <algorithm>    // min
#include <cstddef>      // size_t
#include <string>       // parts
#include <string_view>  // input

namespace pyro::detail {

struct url {
  std::string scheme;    ///< http, https or unix
  std::string user;      ///< from user:password@
  std::string password;
  std::string host;      ///< without the brackets of an IPv6 address; of unix the socket's path
  std::string port;      ///< a number, the scheme's where the URL has none
  std::string path;      ///< prefix of all targets: "" or "/some/path", no slash at its end
  std::string error;     ///< what is wrong; then nothing else counts

  /// Without user and password: for messages.
  std::string text() const {
    if (scheme == "unix") return "unix:" + host;
    return scheme + "://" + authority() + path;
  }
  /// As in a Host field: the port only where it is not the scheme's.
  std::string authority() const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return port == (scheme == "https" ? "443" : "80") ? name : name + ":" + port;
  }
};

inline std::string percent_decode(std::string_view s) {
  const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && digit(s[i + 1]) >= 0 && digit(s[i + 2]) >= 0) {
      out += static_cast<char>(digit(s[i + 1]) * 16 + digit(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

/// `http://[user[:password]@]host[:port][/path]`, the same with https, or `unix:/path/to/socket`.
inline url parse_url(std::string_view text) {
  url out;
  const auto fail = [&out](const char* why) {
    out.error = why;
    return out;
  };
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return fail("it has a blank or a control character");
  if (text.substr(0, 5) == "unix:") {
    std::string_view path = text.substr(5);
    if (path.substr(0, 2) == "//") path.remove_prefix(2);
    out.scheme = "unix";
    out.host = percent_decode(path);
    out.port = "80";
    for (const char c : out.host)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return fail("it has a control character");
    return out.host.empty() || out.host[0] != '/' ? fail("unix: needs the absolute path of a socket, such as unix:/run/pyroscope.sock") : out;
  }
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return fail("it must begin with http://, https:// or unix:");
  for (const char c : text.substr(0, colon)) out.scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (out.scheme != "http" && out.scheme != "https") return fail("it must begin with http://, https:// or unix:");
  text.remove_prefix(colon + 3);

  const std::string_view whole = text.substr(0, text.find_first_of("/?#"));
  std::string_view path = text.substr(whole.size());
  if (path.find('@') != std::string_view::npos) return fail("it has an @ after its host; / ? # and @ of a user or password are written %2F %3F %23 %40");
  if (path.find_first_of("?#") != std::string_view::npos) return fail("it has a query or a fragment; give the server's address alone");
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  out.path = std::string(path);

  std::string_view place = whole;
  if (const std::size_t at = whole.rfind('@'); at != std::string_view::npos) {
    const std::string_view login = whole.substr(0, at);
    const std::size_t split = login.find(':');
    out.user = percent_decode(login.substr(0, split));
    if (split != std::string_view::npos) out.password = percent_decode(login.substr(split + 1));
    place = whole.substr(at + 1);
  }
  std::string_view port;
  if (!place.empty() && place[0] == '[') {
    const std::size_t end = place.find(']');
    if (end == std::string_view::npos) return fail("an IPv6 address needs its closing bracket, as in http://[::1]:4040");
    out.host = std::string(place.substr(1, end - 1));
    port = place.substr(end + 1);
    if (!port.empty() && port[0] != ':') return fail("what follows the bracket is not a port");
  } else {
    const std::size_t split = place.find(':');
    if (split != std::string_view::npos && place.find(':', split + 1) != std::string_view::npos)
      return fail("an IPv6 address needs brackets, as in http://[::1]:4040");
    out.host = std::string(place.substr(0, split));
    if (split != std::string_view::npos) port = place.substr(split);
  }
  if (out.host.empty()) return fail("it has no host");
  out.port = out.scheme == "https" ? "443" : "80";
  if (port.size() > 1) {
    unsigned number = 0;
    for (const char c : port.substr(1)) {
      if (c < '0' || c > '9' || number > 65535) return fail("its port is not a number from 1 to 65535");
      number = number * 10 + static_cast<unsigned>(c - '0');
    }
    if (number == 0 || number > 65535) return fail("its port is not a number from 1 to 65535");
    out.port = std::to_string(number);
  }
  return out;
}

/// True where `list` (the variable no_proxy) has the host: "*", a host or address, or a domain with or without its leading dot, each perhaps
/// with a port (of an IPv6 address in brackets then). As curl and Go read it, but for networks in CIDR form.
inline bool past_proxy(const url& server, std::string_view list) {
  const auto lower = [](std::string_view s) {
    std::string out(s);
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
  };
  const std::string host = lower(server.host);
  if (host == "localhost" || host == "::1" || host.compare(0, 4, "127.") == 0) return true;  // a proxy elsewhere means another machine by these
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    std::string entry = lower(list.substr(begin, comma - begin));
    begin = comma + 1;
    entry.erase(0, entry.find_first_not_of(" \t"));
    while (!entry.empty() && (entry.back() == ' ' || entry.back() == '\t')) entry.pop_back();
    if (entry == "*") return true;
    const std::size_t bracket = !entry.empty() && entry[0] == '[' ? entry.find(']') : std::string::npos;
    const std::size_t colon = bracket != std::string::npos ? entry.find(':', bracket) : entry.find(':');
    if (colon != std::string::npos && entry.find(':', colon + 1) == std::string::npos) {
      if (entry.substr(colon + 1) != server.port) continue;
      entry.resize(colon);
    }
    if (bracket != std::string::npos) entry = entry.substr(1, bracket - 1);
    if (entry.compare(0, 2, "*.") == 0) entry.erase(0, 1);
    if (!entry.empty() && entry[0] == '.') entry.erase(0, 1);
    if (entry.empty()) continue;
    if (host == entry) return true;
    if (host.size() > entry.size() && host.compare(host.size() - entry.size(), entry.size(), entry) == 0 && host[host.size() - entry.size() - 1] == '.')
      return true;
  }
  return false;
}

}  // namespace pyro::detail
