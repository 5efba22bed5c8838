#pragma once
// A server for the uploader's tests: real sockets, a thread for each connection, and a script of what each connection meets. It records what it
// got, so that tests can tell what was sent once, twice or never.
//
//     faulty_server server;
//     server.script({reply(503, "Retry-After: 1\r\n"), reply(200)});   // the first connection, the second and all after it

#include "../unit/pprof_reader.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pyro_test {

using steady = std::chrono::steady_clock;
using milliseconds = std::chrono::milliseconds;

struct received {
  std::string method, target;
  std::map<std::string, std::string> fields;  ///< names in small letters
  std::string body;                           ///< as it came
  bool whole = false;                         ///< all of it came
  unsigned status = 0;                        ///< what was answered
  std::size_t connection = 0;                 ///< from 0
  steady::time_point begin, end;              ///< accepted, all read
  // Of a whole push:
  std::size_t raw_bytes = 0;                  ///< uncompressed
  std::size_t rows = 0;
  std::uint64_t samples = 0;
  std::map<std::string, std::string> labels;  ///< of its series
  std::map<std::string, std::uint64_t> functions;  ///< samples by innermost function

  std::string field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string() : found->second;
  }
};

class connection;
using act = std::function<void(connection&)>;

class faulty_server {
 public:
  /// `place`: an address, or the path of a Unix socket. Small buffers make sure that a large body is still under way when the server acts.
  explicit faulty_server(std::string place = "127.0.0.1", bool small_buffers = true) : place_(std::move(place)), small_(small_buffers) { up(); }
  ~faulty_server() {
    down();
    for (std::thread& t : threads_) t.join();
    if (is_unix()) ::unlink(place_.c_str());
    if (tls_ != nullptr) SSL_CTX_free(tls_);
  }
  faulty_server(const faulty_server&) = delete;
  faulty_server& operator=(const faulty_server&) = delete;

  void script(std::vector<act> acts) {
    const std::lock_guard<std::mutex> hold(mutex_);
    script_ = std::move(acts);
    at_ = 0;
  }
  /// Takes the context over.
  void use_tls(SSL_CTX* context) { tls_ = context; }
  SSL_CTX* tls() const { return tls_; }

  unsigned port() const { return port_; }
  std::string host() const { return place_.find(':') == std::string::npos ? place_ : "[" + place_ + "]"; }
  std::string authority() const { return host() + ":" + std::to_string(port_); }
  std::string url() const { return is_unix() ? "unix:" + place_ : (tls_ != nullptr ? "https://" : "http://") + authority(); }

  /// Closes its socket and cuts all connections: what comes is refused. `up` takes the same port again.
  void down() {
    std::unique_lock<std::mutex> hold(mutex_);
    if (listener_ < 0) return;
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    changed_.notify_all();
    hold.unlock();
    acceptor_.join();
    ::close(listener_);
    listener_ = -1;
  }
  void up() {
    stopping_ = false;
    sockaddr_storage address{};
    const socklen_t size = fill(address);
    listener_ = ::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1, window = 4096, segment = 536;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (small_ && !is_unix()) {
      ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
      ::setsockopt(listener_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);  // the sender's buffer grows with it
    }
    if (is_unix()) ::unlink(place_.c_str());
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 64) != 0) std::abort();
    if (!is_unix()) {
      socklen_t length = sizeof address;
      ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
      port_ = ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
    }
    acceptor_ = std::thread([this] { accept_all(); });
  }

  std::vector<received> requests() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return {requests_.begin(), requests_.end()};
  }
  /// When each connection came.
  std::vector<steady::time_point> connections() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return connected_;
  }
  /// Samples of whole requests that were answered with 200.
  std::uint64_t samples() const {
    std::uint64_t sum = 0;
    for (const received& r : requests())
      if (r.status == 200) sum += r.samples;
    return sum;
  }
  /// The same of one function.
  std::uint64_t samples(const std::string& function) const {
    std::uint64_t sum = 0;
    for (const received& r : requests())
      if (const auto found = r.functions.find(function); r.status == 200 && found != r.functions.end()) sum += found->second;
    return sum;
  }
  bool wait_for_connections(std::size_t count, milliseconds most = milliseconds(10000)) const {
    std::unique_lock<std::mutex> hold(mutex_);
    return changed_.wait_for(hold, most, [&] { return connected_.size() >= count; });
  }
  bool wait_for_requests(std::size_t whole, milliseconds most = milliseconds(10000)) const {
    std::unique_lock<std::mutex> hold(mutex_);
    return changed_.wait_for(hold, most, [&] {
      std::size_t n = 0;
      for (const received& r : requests_) n += r.whole;
      return n >= whole;
    });
  }

 private:
  friend class connection;

  bool is_unix() const { return place_[0] == '/'; }
  socklen_t fill(sockaddr_storage& to) const {
    if (is_unix()) {
      auto& a = reinterpret_cast<sockaddr_un&>(to);
      a.sun_family = AF_UNIX;
      std::strncpy(a.sun_path, place_.c_str(), sizeof a.sun_path - 1);
      return sizeof a;
    }
    if (place_.find(':') != std::string::npos) {
      auto& a = reinterpret_cast<sockaddr_in6&>(to);
      a.sin6_family = AF_INET6;
      a.sin6_port = htons(static_cast<std::uint16_t>(port_));
      ::inet_pton(AF_INET6, place_.c_str(), &a.sin6_addr);
      return sizeof a;
    }
    auto& a = reinterpret_cast<sockaddr_in&>(to);
    a.sin_family = AF_INET;
    a.sin_port = htons(static_cast<std::uint16_t>(port_));
    ::inet_pton(AF_INET, place_.c_str(), &a.sin_addr);
    return sizeof a;
  }
  void accept_all();
  void serve(int fd, std::size_t number, const act& what);

  const std::string place_;
  const bool small_;
  SSL_CTX* tls_ = nullptr;
  unsigned port_ = 0;
  int listener_ = -1;
  std::thread acceptor_;
  std::list<std::thread> threads_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<act> script_;
  std::size_t at_ = 0;
  std::vector<int> open_;
  std::vector<steady::time_point> connected_;
  std::list<received> requests_;
  std::atomic<bool> stopping_{false};
};

/// What an act has in its hands.
class connection {
 public:
  connection(faulty_server& server, int fd, std::size_t number) : server_(server), fd_(fd), number_(number), begin_(steady::now()) {}
  ~connection() {
    if (ssl_ != nullptr) {
      SSL_shutdown(ssl_);
      SSL_free(ssl_);
    }
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// False where the client does not agree.
  bool begin_tls() {
    ssl_ = SSL_new(server_.tls());
    SSL_set_fd(ssl_, fd_);
    const bool agreed = SSL_accept(ssl_) == 1;
    ERR_clear_error();
    return agreed;
  }

  /// At most `most` bytes of what comes; false at its end.
  bool read(std::string& into, std::size_t most = 65536) {
    std::string buffer(most, '\0');
    const auto n = ssl_ != nullptr ? SSL_read(ssl_, &buffer[0], static_cast<int>(most)) : static_cast<int>(::recv(fd_, &buffer[0], most, 0));
    if (n > 0) into.append(buffer, 0, static_cast<std::size_t>(n));
    ERR_clear_error();
    return n > 0;
  }
  bool write(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto n = ssl_ != nullptr ? SSL_write(ssl_, text.data() + at, static_cast<int>(text.size() - at))
                                     : static_cast<int>(::send(fd_, text.data() + at, text.size() - at, MSG_NOSIGNAL));
      ERR_clear_error();
      if (n <= 0) return false;
      at += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// Reads the head of a request and records it; false where none comes.
  bool read_head() {
    std::size_t end = std::string::npos;
    while ((end = data_.find("\r\n\r\n")) == std::string::npos)
      if (!read(data_)) return false;
    received r;
    r.connection = number_;
    r.begin = begin_;
    const std::string head = data_.substr(0, end + 2);
    data_.erase(0, end + 4);
    const std::size_t line = head.find("\r\n");
    r.method = head.substr(0, head.find(' '));
    r.target = head.substr(r.method.size() + 1, head.find(' ', r.method.size() + 1) - r.method.size() - 1);
    for (std::size_t at = line + 2; at < head.size();) {
      const std::size_t next = head.find("\r\n", at), colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      r.fields[name] = head.substr(colon + 2, next - colon - 2);
      at = next + 2;
    }
    length_ = static_cast<std::size_t>(std::strtoull(r.field("content-length").c_str(), nullptr, 10));
    const std::lock_guard<std::mutex> hold(server_.mutex_);
    request_ = &*server_.requests_.insert(server_.requests_.end(), std::move(r));
    server_.changed_.notify_all();
    return true;
  }
  /// At least so many bytes of the body, or all of it.
  bool read_body(std::size_t least = std::string::npos) {
    while (data_.size() < length_ && data_.size() < least)
      if (!read(data_, std::min<std::size_t>(65536, least == std::string::npos ? length_ - data_.size() : least - data_.size()))) return false;
    if (data_.size() >= length_) complete();
    return true;
  }
  bool read_request() { return read_head() && read_body(); }

  void answer(unsigned status, const std::string& fields = "", const std::string& body = "") {
    set_status(status);
    write("HTTP/1.1 " + std::to_string(status) + " Because\r\n" + fields + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  void set_status(unsigned status) {
    const std::lock_guard<std::mutex> hold(server_.mutex_);
    if (request_ != nullptr) request_->status = status;
  }

  /// Until the client has gone, or the server goes down.
  void wait_for_end() {
    std::string ignored;
    while (read(ignored)) ignored.clear();
  }
  /// False where the client has gone, or the server goes down, before that.
  bool pause(milliseconds time) const {
    pollfd hangup{fd_, POLLRDHUP, 0};
    return ::poll(&hangup, 1, static_cast<int>(time.count())) == 0;
  }
  /// Not FIN but RST.
  void reset() const {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  int fd() const { return fd_; }
  const received* request() const { return request_; }

 private:
  void complete() {
    received parsed;
    try {  // what it is, in the server's thread; a body that is no push counts nothing
      const std::string raw = request_->field("content-encoding") == "gzip" ? gunzip(data_) : data_;
      parsed.raw_bytes = raw.size();
      const message whole = read_message(raw);
      for (const std::string& series : whole.all(1)) {
        const message s = read_message(series);
        for (const std::string& l : s.all(1)) {
          const message pair = read_message(l);
          parsed.labels[pair.all(1).at(0)] = pair.all(2).at(0);
        }
        for (const std::string& part : s.all(2)) {
          const pprof_profile p = read_pprof(read_message(part).all(1).at(0));
          parsed.rows += p.samples.size();
          parsed.samples += static_cast<std::uint64_t>(p.total(0));
          for (const pprof_sample& row : p.samples) parsed.functions[row.frames.at(0).name] += static_cast<std::uint64_t>(row.values.at(0));
        }
      }
    } catch (const std::exception&) {
      parsed = received();
    }
    const std::lock_guard<std::mutex> hold(server_.mutex_);
    request_->raw_bytes = parsed.raw_bytes;
    request_->rows = parsed.rows;
    request_->samples = parsed.samples;
    request_->labels = std::move(parsed.labels);
    request_->functions = std::move(parsed.functions);
    request_->body = data_;
    request_->whole = true;
    request_->end = steady::now();
    server_.changed_.notify_all();
  }

  faulty_server& server_;
  const int fd_;
  const std::size_t number_;
  const steady::time_point begin_;
  SSL* ssl_ = nullptr;
  std::string data_;
  std::size_t length_ = 0;
  received* request_ = nullptr;
};

inline void faulty_server::accept_all() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const std::lock_guard<std::mutex> hold(mutex_);
    if (stopping_) {
      ::close(fd);
      return;
    }
    const act what = script_.empty() ? act() : script_[std::min(at_++, script_.size() - 1)];
    const std::size_t number = connected_.size();
    connected_.push_back(steady::now());
    open_.push_back(fd);
    threads_.emplace_back([this, fd, number, what] { serve(fd, number, what); });
    changed_.notify_all();
  }
}

inline void faulty_server::serve(int fd, std::size_t number, const act& what) {
  {
    connection c(*this, fd, number);
    if ((tls_ == nullptr || c.begin_tls()) && what) what(c);
  }
  const std::lock_guard<std::mutex> hold(mutex_);
  for (std::size_t i = 0; i < open_.size(); ++i)
    if (open_[i] == fd) open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i--));
  ::close(fd);
}

// ---- acts ---------------------------------------------------------------------------------------------------------------------

inline act reply(unsigned status, const std::string& fields = "", const std::string& body = "") {
  return [=](connection& c) {
    if (c.read_request()) c.answer(status, fields, body);
  };
}
/// Answers when another connection has been served.
inline act reply_after(const faulty_server& server, std::size_t whole_requests) {
  return [=, &server](connection& c) {
    if (c.read_request() && server.wait_for_requests(whole_requests)) c.answer(200);
  };
}
/// Takes everything, says nothing.
inline act black_hole() {
  return [](connection& c) {
    if (c.read_request()) c.wait_for_end();
  };
}
/// Takes nothing, says nothing.
inline act deaf() {
  return [](connection& c) {
    while (c.pause(milliseconds(60000))) {
    }
  };
}
inline act slow_answer(milliseconds interval) {
  return [=](connection& c) {
    if (!c.read_request()) return;
    for (const char byte : std::string("HTTP/1.1 200 OK\r\nX-Padding: ") + std::string(1000, 'x'))
      if (!c.pause(interval) || !c.write(std::string(1, byte))) return;
  };
}
inline act slow_reading(milliseconds interval) {
  return [=](connection& c) {
    std::string byte;
    while (c.pause(interval) && c.read(byte, 1)) {
    }
  };
}
enum class at { connect, body, end };
inline act reset(at where) {
  return [=](connection& c) {
    if (where == at::connect || (c.read_head() && c.read_body(where == at::body ? 1000 : std::string::npos))) c.reset();
  };
}
/// Answers when it has seen the head, and closes.
inline act early(unsigned status, const std::string& fields = "", const std::string& body = "") {
  return [=](connection& c) {
    if (c.read_head()) c.answer(status, fields, body);
  };
}
/// Answers when it has seen the head, and then neither reads nor closes.
inline act early_and_deaf(unsigned status) {
  return [=](connection& c) {
    if (!c.read_head()) return;
    c.answer(status);
    deaf()(c);
  };
}
inline act raw_answer(const std::string& text) {
  return [=](connection& c) {
    if (c.read_request()) c.write(text);
  };
}
inline act endless(const std::string& begin, const std::string& part) {
  return [=](connection& c) {
    if (!c.read_request() || !c.write(begin)) return;
    while (c.write(part)) {
    }
  };
}
/// A proxy's: to this port here, whatever the client asks for.
inline act tunnel(unsigned port) {
  return [=](connection& c) {
    if (!c.read_head()) return;
    const int to = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(to, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
      c.set_status(200);
      c.write("HTTP/1.1 200 Connection established\r\n\r\n");
      pollfd ends[2] = {{c.fd(), POLLIN, 0}, {to, POLLIN, 0}};
      char buffer[16384];
      for (bool open = true; open && ::poll(ends, 2, 10000) > 0;)
        for (int i = 0; i < 2 && open; ++i) {
          if (ends[i].revents == 0) continue;
          const ssize_t n = ::recv(ends[i].fd, buffer, sizeof buffer, 0);
          open = n > 0 && ::send(ends[1 - i].fd, buffer, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
        }
    }
    ::close(to);
  };
}

}  // namespace pyro_test
