#pragma once
// A client of raw sockets: sends what it is told, well formed or not, and reads what comes, with a deadline for each.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <utility>

namespace pyro_test {

struct answer {
  int status = 0;        ///< 0: none came
  std::string head, body;
  bool closed = false;   ///< the other side ended the connection within the time
  bool reset = false;

  std::string field(const std::string& name) const {
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
};

class client {
 public:
  explicit client(int port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<in_port_t>(port));
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~client() { end(); }
  client(client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  client& operator=(client&&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }
  void end() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  /// Ends it by a reset.
  void drop() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    end();
  }
  bool send(const std::string& text) { return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()); }
  void end_of_sending() { ::shutdown(fd_, SHUT_WR); }

  /// Until the other side ends the connection.
  answer read(std::chrono::milliseconds most = std::chrono::milliseconds(20000)) {
    const auto deadline = std::chrono::steady_clock::now() + most;
    answer out;
    std::string all;
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      pollfd one{fd_, POLLIN, 0};
      if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) <= 0) break;
      char buffer[16384];
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) {
        out.closed = true;
        out.reset = n < 0;
        break;
      }
      all.append(buffer, static_cast<std::size_t>(n));
    }
    const std::size_t end = all.find("\r\n\r\n");
    out.head = all.substr(0, end == std::string::npos ? all.size() : end + 2);
    if (end != std::string::npos) out.body = all.substr(end + 4);
    if (all.compare(0, 9, "HTTP/1.1 ") == 0) out.status = std::atoi(all.c_str() + 9);
    return out;
  }

 private:
  int fd_;
  bool connected_ = false;
};

/// GET, as clients do it.
inline answer get(int port, const std::string& target, const std::string& fields = "", std::chrono::milliseconds most = std::chrono::milliseconds(20000)) {
  client c(port);
  if (!c.connected()) return {};
  c.send("GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\n" + fields + "\r\n");
  return c.read(most);
}

/// The port in "live view: at http://127.0.0.1:34567/, …"; 0 where there is none.
inline int port_in(const std::string& message) {
  const std::size_t at = message.find("live view: at http://");
  if (at == std::string::npos) return 0;
  const std::size_t slash = message.find("/,", at);
  const std::size_t colon = message.rfind(':', slash);
  return std::atoi(message.c_str() + colon + 1);
}

}  // namespace pyro_test
