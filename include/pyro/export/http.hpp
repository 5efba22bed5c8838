#pragma once
// One HTTP/1.1 request with a deadline for each step, over Boost.Asio and Beast (headers alone, 1.74 or newer): connect, perhaps through a
// proxy or to a Unix socket, write, read the answer. Blocks the calling thread, the uploader's, and can be cut off by another.
//
// A connection serves one request. A kept one would save a handshake each ten seconds and cost certainty: when it breaks, nobody knows
// whether the server had closed it before the request or dropped it after.

#include <pyro/export/resolve.hpp>
#include <pyro/export/uploader.hpp>
#include <pyro/export/url.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <atomic>      // abort
#include <chrono>      // deadlines
#include <functional>  // cutting off
#include <memory>
#include <mutex>
#include <optional>    // one parser for each answer
#include <string>
#include <utility>     // move
#include <vector>      // header fields

#include <sys/socket.h>  // close-on-exec from the start, which Asio does not ask for
#include <sys/un.h>      // longest path

namespace pyro {
namespace detail PYRO_HIDDEN {

namespace asio = boost::asio;
namespace beast = boost::beast;

using tcp_stream = beast::basic_stream<asio::ip::tcp, asio::any_io_executor>;
using unix_stream = beast::basic_stream<asio::local::stream_protocol, asio::any_io_executor>;

/// How far a request came: decides whether it can safely be sent again.
enum class http_phase { not_connected, not_sent, sent, answered };

struct http_request {
  std::string target;                                          ///< path and query below the server's prefix
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
};

struct http_answer {
  http_phase phase = http_phase::not_connected;
  std::string error;        ///< why no answer came, with what it was about
  unsigned status = 0;
  std::string body;         ///< at most 64 KiB
  std::string retry_after;  ///< the field's value
  std::string location;
};

struct http_deadlines {
  std::chrono::milliseconds step{5000};    ///< each of: look the name up, connect to one address, agree on TLS, ask the proxy
  std::chrono::milliseconds total{10000};  ///< all of it; half of it for writing
};

/// One exchange under way: what its steps share.
struct http_exchange {
  asio::io_context& io;
  const std::atomic<bool>& aborted;
  const http_request& request;
  const url& server;
  http_deadlines limits;
  std::chrono::steady_clock::time_point end;
  bool absolute_target = false;  ///< as a proxy for http wants it
  http_answer answer{};
  boost::system::error_code read{};  ///< why reading the answer has ended

  std::chrono::steady_clock::time_point step_end() const { return std::min(end, std::chrono::steady_clock::now() + limits.step); }

  bool fail(const std::string& what, const boost::system::error_code& why) {
    const char* const too_long = answer.phase == http_phase::not_connected ? "it took too long (connect_timeout)" : "it took too long (upload_timeout)";
    answer.error = what + ": " + (why == beast::error::timeout ? too_long : why.message());
    return false;
  }
};

/// Runs one asynchronous operation to its end. Every stream here has its deadline set before, so this ends. `abort` comes before it, and is
/// seen; or later, and cancels it.
template <class Start>
boost::system::error_code run_one(http_exchange& x, Start&& start) {
  boost::system::error_code result = asio::error::operation_aborted;
  if (x.aborted) return result;
  start([&result](boost::system::error_code error, auto&&...) { result = error; });
  x.io.restart();
  x.io.run();
  return result;
}

/// Ends the connection for good, also where a forked child has a copy of the socket. What is under way on it fails, and what begins later;
/// to cancel would miss an operation that is between two of its steps.
template <class Stream>
void shut(Stream& stream) {
  boost::system::error_code ignored;
  stream.socket().shutdown(asio::socket_base::shutdown_both, ignored);
  stream.close();
}

/// Writes the request to a connected stream and reads the answer. `Lowest` is the stream that has the deadlines.
template <class Stream, class Lowest>
void send_and_receive(Stream& stream, Lowest& lowest, http_exchange& x) {
  namespace http = beast::http;
  http::request<http::string_body> out{http::verb::post, x.server.path + x.request.target, 11};
  if (x.absolute_target) out.target(x.server.scheme + "://" + x.server.authority() + x.server.path + x.request.target);
  out.set(http::field::host, x.server.scheme == "unix" ? std::string("localhost") : x.server.authority());
  for (const auto& f : x.request.fields) out.set(f.first, f.second);
  out.keep_alive(false);
  out.body() = x.request.body;
  out.prepare_payload();

  x.answer.phase = http_phase::not_sent;
  if (x.aborted) return void(x.fail("sending to it", asio::error::operation_aborted));
  // Both ways at once: a server that refuses early answers before it has read everything, and then may neither read on nor close.
  boost::system::error_code wrote = asio::error::operation_aborted;
  bool writing = true;
  beast::flat_buffer buffer;
  std::optional<http::response_parser<http::string_body>> in;
  const std::function<void()> receive = [&] {
    in.emplace();
    in->header_limit(8192);
    in->body_limit(65536);
    http::async_read(stream, buffer, *in, [&](boost::system::error_code error, std::size_t) {
      if (!error && in->get().result_int() / 100 == 1) return receive();  // an interim answer (RFC 9110, 15.2)
      x.read = error;
      if (writing) shut(lowest);
    });
  };
  lowest.expires_at(x.end);
  receive();
  lowest.expires_at(std::min(x.end, std::chrono::steady_clock::now() + x.limits.total / 2));  // of what is not under way: the writing
  http::async_write(stream, out, [&](boost::system::error_code error, std::size_t) {
    wrote = error;
    writing = false;
    if (!error) x.answer.phase = http_phase::sent;
  });
  x.io.restart();
  x.io.run();
  // Its status is the answer, also where its text is cut off or too long.
  if (!in->is_header_done()) {
    if (x.answer.phase == http_phase::sent) return void(x.fail("waiting for its answer", x.read));
    return void(x.fail("sending to it", wrote == asio::error::operation_aborted || wrote == asio::error::bad_descriptor ? x.read : wrote));
  }
  const auto& message = in->get();
  // Else it has the answer of a server that cannot have had all of the request.
  if (x.answer.phase == http_phase::sent) x.answer.phase = http_phase::answered;
  x.answer.status = message.result_int();
  if (message[http::field::content_encoding].empty()) x.answer.body = message.body();  // compressed it is of no use here
  const auto field = [&message](http::field name) {
    const auto value = message[name];
    return std::string(value.data(), value.size());
  };
  x.answer.retry_after = field(http::field::retry_after);
  x.answer.location = field(http::field::location);
}

/// TLS, behind an interface: pyro/export/tls.hpp has the one implementation and registers it, so that OpenSSL is needed there alone.
class secure_layer {
 public:
  secure_layer() = default;
  secure_layer(const secure_layer&) = delete;
  secure_layer& operator=(const secure_layer&) = delete;
  virtual ~secure_layer() = default;
  /// Agrees on TLS over a connected stream and then does what send_and_receive does.
  virtual void exchange(tcp_stream& connected, http_exchange& x) = 0;
};

struct tls_files {
  std::string ca, certificate, key;  ///< PEM; empty: the system's authorities, no client certificate
};

class http_client {
 public:
  http_client(url server, tls_files files) : server_(std::move(server)), files_(std::move(files)) {}

  const url& server() const noexcept { return server_; }
  void set_proxy(url proxy) { proxy_ = std::move(proxy); }
  bool has_proxy() const noexcept { return !proxy_.host.empty(); }

  /// Sends one request and waits for its answer. Throws where it could not begin: out of memory, of descriptors.
  http_answer post(const http_request& request, const http_deadlines& limits) {
    asio::io_context io(1);  // of this request: nothing stays open in between, for a fork to inherit or a soak to count
    http_exchange x{io, aborted_, request, server_, limits, std::chrono::steady_clock::now() + limits.total};
    try {
      if (server_.scheme == "unix") over_unix(x);
      else over_tcp(x);
    } catch (const std::exception& e) {  // out of memory; how far it came still counts
      x.answer.error = e.what();
    }
    if (aborted_) x.answer.error = "cut off, there is no time left";
    return std::move(x.answer);
  }

  /// Initialises what TLS needs, if this server needs it. Its files may come later.
  void prepare() {
    std::string ignored;
    if (const make_secure_layer make = tls_slot.load(); make != nullptr && server_.scheme == "https") secure_ = make(files_, ignored);
  }

  /// The last call of the thread that posts: once it is known to be at its end, the process may take the TLS library apart.
  void close() noexcept { secure_.reset(); }

  /// Ends a request that is under way, and those to come. Any thread.
  void abort() {
    aborted_ = true;
    resolver_.abort();
    const std::lock_guard<std::mutex> hold(mutex_);
    if (cut_off_) cut_off_();
  }

 private:
  /// While it lives, `abort` closes the stream.
  template <class Stream>
  class cut_off_here {
   public:
    cut_off_here(http_client& client, asio::io_context& io, Stream& stream) : client_(client) {
      const std::lock_guard<std::mutex> hold(client_.mutex_);
      client_.cut_off_ = [&io, &stream] { asio::post(io, [&stream] { shut(stream); }); };
    }
    ~cut_off_here() {
      const std::lock_guard<std::mutex> hold(client_.mutex_);
      client_.cut_off_ = nullptr;
    }

   private:
    http_client& client_;
  };

  template <class Stream, class Protocol, class Endpoint>
  bool connect(Stream& stream, http_exchange& x, const Protocol& protocol, const Endpoint& to, std::chrono::steady_clock::time_point deadline) {
    boost::system::error_code error;
    const int fd = ::socket(protocol.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return x.fail("opening a socket", boost::system::error_code(errno, boost::system::system_category()));
    if (stream.socket().is_open()) stream.socket().close(error);
    stream.socket().assign(protocol, fd, error);
    if (error) {
      ::close(fd);
      return x.fail("opening a socket", error);
    }
    stream.expires_at(deadline);
    error = run_one(x, [&](auto&& done) { stream.async_connect(to, std::move(done)); });
    if (error || aborted_) return x.fail("connecting to it", error);
    return true;
  }

  void over_unix(http_exchange& x) {
    unix_stream stream(x.io);
    const cut_off_here<unix_stream> guard(*this, x.io, stream);
    if (server_.host.size() >= sizeof(sockaddr_un::sun_path)) return void(x.answer.error = "the path of its socket is too long");
    const asio::local::stream_protocol::endpoint to(server_.host);
    if (!aborted_ && connect(stream, x, to.protocol(), to, x.step_end())) send_and_receive(stream, stream, x);
    shut(stream);
  }

  void over_tcp(http_exchange& x) {
    if (server_.scheme == "https" && !make_tls(x)) return;
    tcp_stream stream(x.io);
    const cut_off_here<tcp_stream> guard(*this, x.io, stream);
    const bool proxied = !proxy_.host.empty();
    if (connect_any(stream, x, proxied ? proxy_ : server_)) {
      if (server_.scheme == "https") {
        if (!proxied || open_tunnel(stream, x)) secure_->exchange(stream, x);
        if (x.answer.status == 0) secure_.reset();  // its files may have been renewed: read them again next time
      } else {
        x.absolute_target = proxied;
        send_and_receive(stream, stream, x);
      }
    } else if (proxied) {
      x.answer.error = "the proxy " + proxy_.text() + " (" + server_.scheme + "_proxy): " + x.answer.error;
    }
    shut(stream);
  }

  bool make_tls(http_exchange& x) {
    if (secure_ != nullptr) return true;
    const make_secure_layer make = tls_slot.load();
    if (make == nullptr) x.answer.error = "https needs #include <pyro/export/tls.hpp> beside pyro/export/pyroscope.hpp, and OpenSSL (-lssl -lcrypto)";
    else secure_ = make(files_, x.answer.error);
    return secure_ != nullptr;
  }

  /// To the first of the host's addresses that answers; each gets its share of the time, so that one black hole does not take it all.
  bool connect_any(tcp_stream& stream, http_exchange& x, const url& to) {
    if (aborted_) return false;
    const auto addresses = resolver_.resolve(to.host, to.port, x.step_end(), x.answer.error);
    const auto end = x.step_end();
    for (std::size_t i = 0; i < addresses.size() && !aborted_; ++i) {
      asio::ip::tcp::endpoint endpoint;
      if (addresses[i].size > endpoint.capacity()) continue;
      __builtin_memcpy(endpoint.data(), &addresses[i].bytes, addresses[i].size);
      endpoint.resize(addresses[i].size);
      const auto now = std::chrono::steady_clock::now();
      const auto share = (end - now) / static_cast<int>(addresses.size() - i);
      if (connect(stream, x, endpoint.protocol(), endpoint, now + share)) {
        x.answer.error.clear();
        return true;
      }
    }
    return false;
  }

  /// RFC 9110, 9.3.6: asks the proxy for a tunnel to the server.
  bool open_tunnel(tcp_stream& stream, http_exchange& x) {
    namespace http = beast::http;
    const std::string place = (server_.host.find(':') == std::string::npos ? server_.host : "[" + server_.host + "]") + ":" + server_.port;
    http::request<http::empty_body> ask{http::verb::connect, place, 11};
    ask.set(http::field::host, place);
    for (const auto& f : proxy_fields_) ask.set(f.first, f.second);
    stream.expires_at(x.step_end());
    auto error = run_one(x, [&](auto&& done) { http::async_write(stream, ask, std::move(done)); });
    if (error) return x.fail("asking the proxy " + proxy_.text() + " for a tunnel", error);
    beast::flat_buffer buffer;
    http::response_parser<http::empty_body> in;
    in.skip(true);
    in.header_limit(8192);
    error = run_one(x, [&](auto&& done) { http::async_read_header(stream, buffer, in, std::move(done)); });
    if (error) return x.fail("waiting for the proxy " + proxy_.text(), error);
    if (in.get().result_int() / 100 == 2) return true;
    x.answer.error = "the proxy " + proxy_.text() + " refuses a tunnel: " + std::to_string(in.get().result_int());
    return false;
  }

 public:
  /// Sent to the proxy alone, where it makes a tunnel.
  void set_proxy_fields(std::vector<std::pair<std::string, std::string>> fields) { proxy_fields_ = std::move(fields); }

 private:
  const url server_;
  url proxy_;
  tls_files files_;
  std::vector<std::pair<std::string, std::string>> proxy_fields_;
  name_resolver resolver_;
  std::unique_ptr<secure_layer> secure_;
  std::atomic<bool> aborted_{false};
  std::mutex mutex_;
  std::function<void()> cut_off_;
};

}  // namespace detail
}  // namespace pyro
