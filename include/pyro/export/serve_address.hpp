#pragma once
// What `serve_address` means: an address of this machine and a port. Pure, any thread.

#include <string>
#include <string_view>

#include <arpa/inet.h>   // inet_pton
#include <netinet/in.h>  // sockaddr_in6

namespace pyro::detail {

struct listen_address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  bool loopback = false;  ///< reached from this machine alone
  std::string error;      ///< empty: it can be listened on
};

/// `127.0.0.1:6060`, `localhost:6060`, `[::1]:6060`, `0.0.0.0:6060`; `:6060` and `6060` are on 127.0.0.1. No names: which of their addresses?
inline listen_address parse_listen_address(std::string_view text) {
  listen_address out;
  const std::size_t colon = text.rfind(':');
  std::string host(colon == std::string_view::npos ? std::string_view() : text.substr(0, colon));
  const std::string_view digits = colon == std::string_view::npos ? text : text.substr(colon + 1);
  unsigned port = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || digits.size() > 5) return out.error = "the port is not a number from 0 to 65535", out;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  if (digits.empty() || port > 65535) return out.error = "the port is not a number from 0 to 65535", out;
  if (host.empty() || host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.bytes);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return out.error = host + " is no IPv6 address", out;
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(static_cast<in_port_t>(port));
    out.size = sizeof v6;
    out.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    return out;
  }
  auto& v4 = reinterpret_cast<sockaddr_in&>(out.bytes);
  if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return out.error = "'" + host + "' is no address of this machine", out;
  v4.sin_family = AF_INET;
  v4.sin_port = htons(static_cast<in_port_t>(port));
  out.size = sizeof v4;
  out.loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  return out;
}

/// As it stands in a URL.
inline std::string text_of(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
}

}  // namespace pyro::detail
