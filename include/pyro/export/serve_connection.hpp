#pragma once
// One connection of the live view: reads one request, answers it, ends. Every step has a deadline, everything it reads a limit. The server's
// thread alone.
//
//   read ─► answer ─► write ─► linger: read what still comes, so that a reset does not cut the answer off ─► close
//              └─ profile, report: wait for pieces, and look whether the client is still there

#include <pyro/export/serve_pages.hpp>
#include <pyro/export/serve_recordings.hpp>
#include <pyro/export/serve_sockets.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>       // what is read and thrown away
#include <chrono>      // deadlines
#include <functional>  // what is posted
#include <memory>
#include <optional>

namespace pyro {
namespace detail PYRO_HIDDEN {

struct serve_limits {
  std::chrono::milliseconds request{5000};  ///< until a request is there, whole
  std::chrono::milliseconds answer{60000};  ///< until its answer is out
  std::chrono::milliseconds linger{1000};   ///< for the client to read it
  std::chrono::milliseconds cut{10000};     ///< for a piece of a window to come: the worker may be busy in an exporter
  std::chrono::milliseconds report{2000};   ///< the same, for the report, which can do without
  int connections = 16;
  int refused = 32;                         ///< further ones that are told so; all others see their connection end
};

/// What connections need of their server.
class serve_host {
 public:
  virtual const serve_limits& limits() const noexcept = 0;
  virtual const std::string& application() const noexcept = 0;
  virtual const std::string& token() const noexcept = 0;
  virtual bool checks_host() const noexcept = 0;
  virtual recordings& profiles() noexcept = 0;
  /// The report; made anew where it is old.
  virtual std::shared_ptr<const page> report() = 0;
  /// Runs it on the server's thread, or never where that has ended. Any thread.
  virtual void post(std::function<void()> run) = 0;
  virtual void ended(bool refused) noexcept = 0;

 protected:
  ~serve_host() = default;
};

class serve_connection : public std::enable_shared_from_this<serve_connection> {
 public:
  using error_code = boost::system::error_code;
  using status = boost::beast::http::status;
  using field = boost::beast::http::field;
  using seconds = std::chrono::seconds;

  static constexpr std::int64_t longest_profile = 600;
  static constexpr std::size_t most_discarded = std::size_t{256} << 10;

  /// `refused`: there are too many connections, and it is told so.
  serve_connection(boost::asio::io_context& io, serve_host& host, const boost::asio::ip::tcp& protocol, int fd, bool refused)
      : host_(host), stream_(io), timer_(io), buffer_(16384), refused_(refused) {
    error_code error;
    stream_.socket().assign(protocol, fd, error);
    if (error) own_sockets::close(fd, [fd] { ::close(fd); });
  }
  ~serve_connection() {
    close();
    host_.ended(refused_);
  }
  serve_connection(const serve_connection&) = delete;
  serve_connection& operator=(const serve_connection&) = delete;

  void start() {
    if (!stream_.socket().is_open()) return;
    if (refused_) return fail(status::service_unavailable, "too many connections at once; try again in a moment\n");
    parser_.emplace();
    parser_->header_limit(8192);
    parser_->body_limit(65536);
    stream_.expires_after(host_.limits().request);
    boost::beast::http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) { self->has_read(error); });
  }

 private:
  // ---- the request ----

  void has_read(error_code error) {
    using wrong = boost::beast::http::error;
    if (error == wrong::header_limit || error == wrong::buffer_overflow) return fail(status::request_header_fields_too_large, "the header is too long\n");
    if (error == wrong::body_limit) return fail(status::payload_too_large, "the body is too long\n");
    if (error == boost::beast::error::timeout || error == wrong::end_of_stream || error == wrong::partial_message) return close();
    if (error && error.category() != boost::beast::http::make_error_code(wrong::bad_method).category()) return close();  // the network's
    if (error) return fail(status::bad_request, "this is not a request of HTTP/1.1\n");
    answer();
  }

  std::string_view value_of(field name) const {
    const auto value = parser_->get()[name];
    return {value.data(), value.size()};
  }
  std::string_view value_of(const char* name) const {
    const auto value = parser_->get()[name];
    return {value.data(), value.size()};
  }

  void answer() {
    const auto& request = parser_->get();
    const std::string_view target(request.target().data(), request.target().size());
    const std::size_t mark = target.find('?');
    const std::string_view path = target.substr(0, mark);
    query_ = std::string(mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1));
    head_ = request.method() == boost::beast::http::verb::head;

    const std::size_t hosts = request.count(field::host);
    if (hosts > 1 || (hosts == 0 && request.version() >= 11)) return fail(status::bad_request, "a request has one Host\n");
    if (host_.token().empty()) {
      if (host_.checks_host() && hosts == 1 && !is_own_host(value_of(field::host)))
        return fail(status::forbidden, "without a token (serve_token, PYRO_SERVE_TOKEN) this is served to http://localhost and to addresses alone, not to names\n");
    } else if (!shows_token(value_of(field::authorization), query_, host_.token())) {
      return fail(status::unauthorized, "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN\n");
    }
    if (is_foreign_script(value_of("Sec-Fetch-Site"), value_of("Sec-Fetch-Mode"))) return fail(status::forbidden, "not for other sites' pages\n");

    const bool posted = request.method() == boost::beast::http::verb::post;
    const bool symbol = path == "/debug/pprof/symbol";
    if (!head_ && request.method() != boost::beast::http::verb::get && !(posted && symbol)) return fail(status::method_not_allowed, "GET and HEAD alone\n");
    if (path == "/") return begin_report();
    if (path == "/debug/pprof/profile") return begin_profile();
    if (path == "/debug/pprof/") return say(index_page(host_.application(), token_in_query()));
    if (path == "/debug/pprof") return redirect("/debug/pprof/" + (query_.empty() ? std::string() : "?" + query_));
    if (path == "/debug/pprof/cmdline") return say(command_line());
    if (symbol) return say({plain_text, "num_symbols: 0\n"});  // all names are in the profile
    const bool go_has_it = path.substr(0, 13) == "/debug/pprof/";
    fail(status::not_found, go_has_it ? "pyro takes CPU profiles: /debug/pprof/profile\n" : "there are / and /debug/pprof/\n");
  }

  std::string token_in_query() const {
    std::string shown;
    return !host_.token().empty() && query_value(query_, "token", shown) ? host_.token() : std::string();
  }

  // ---- what takes a while ----

  void begin_profile() {
    const std::int64_t wanted = profile_seconds(query_);
    if (wanted > longest_profile) return fail(status::bad_request, "seconds: at most 600\n");
    if (head_) return say({"application/octet-stream", {}});
    length_ = seconds(wanted);
    if (!record()) fail(status::service_unavailable, "there are as many profiles under way as may be; try again in a moment\n");
  }

  /// With what was measured since the last window.
  void begin_report() {
    if (head_) return say(*host_.report());
    reports_ = true;
    if (!record()) finish_report();
  }

  bool record() {
    auto r = std::make_shared<recording>();
    r->tell = [&host = host_, weak = weak_from_this()](bool done) {
      host.post([weak, done] {
        if (const auto self = weak.lock()) self->recorded(done);
      });
    };
    if (!host_.profiles().begin(r)) return false;
    recording_ = std::move(r);
    discard();
    if (recording_ != nullptr) wait(reports_ ? host_.limits().report : host_.limits().cut);
    return true;
  }

  void recorded(bool done) {
    if (recording_ == nullptr) return;
    if (reports_) return finish_report();
    if (done) return finish_profile();
    begun_ = true;
    wait(length_);
  }

  void wait(std::chrono::nanoseconds time) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && self->timer_.expiry() <= std::chrono::steady_clock::now()) self->time_is_up();
    });
  }

  void time_is_up() {
    if (answered_) return close();
    if (recording_ == nullptr) return;
    if (reports_) return finish_report();
    if (begun_ && !ending_) {
      ending_ = true;
      wait(host_.limits().cut);
      return host_.profiles().end(*recording_);
    }
    forget();
    fail(status::service_unavailable, "no window was closed in time: the profiler has stopped, or is busy in an exporter\n");
  }

  void finish_profile() {
    const std::shared_ptr<recording> r = std::exchange(recording_, nullptr);
    if (r->failed) return fail(status::service_unavailable, "out of memory\n");
    extra_ = {{"Content-Disposition", "attachment; filename=\"profile\""}};
    say(pprof_page(r->run.result(), query_));
  }

  void finish_report() {
    forget();
    send(status::ok, host_.report());
  }

  void forget() noexcept {
    if (recording_ != nullptr) host_.profiles().forget(*recording_);
    recording_ = nullptr;
  }

  /// Reads on: tells that the client has gone, and keeps what it still sends from cutting its answer off.
  void discard() {
    stream_.expires_never();
    stream_.async_read_some(boost::asio::buffer(rest_), [self = shared_from_this()](error_code error, std::size_t size) {
      self->discarded_ += size;
      if (error) {  // some clients say that they have sent all; of those that wait for a profile it is taken for their end
        if (self->answered_ || (self->recording_ != nullptr && !(self->reports_ && error == boost::asio::error::eof))) self->close();
        self->discarded_ = most_discarded;
        return;
      }
      if (self->discarded_ < most_discarded) self->discard();
      else if (self->answered_) self->close();
    });
    reads_ = true;
  }

  // ---- the answer ----

  void fail(status code, std::string text) {
    send(code, std::make_shared<const page>(page{plain_text, std::move(text)}));
  }
  void say(page p) { send(status::ok, std::make_shared<const page>(std::move(p))); }
  void redirect(const std::string& to) {
    extra_ = {{"Location", to}};
    fail(status::moved_permanently, "there\n");
  }

  void send(status code, std::shared_ptr<const page> p) {
    namespace http = boost::beast::http;
    if (response_ || !stream_.socket().is_open()) return;
    body_ = std::move(p);
    response_.emplace(code, 11);
    auto& out = *response_;
    out.set(field::server, "pyro/" PYRO_VERSION);
    out.set(field::content_type, body_->type);
    out.set("X-Content-Type-Options", "nosniff");
    out.set("X-Frame-Options", "DENY");
    out.set("Referrer-Policy", "no-referrer");
    out.set(field::cache_control, "no-store");
    if (code == status::unauthorized) out.set(field::www_authenticate, "Bearer realm=\"pyro\"");
    if (code == status::method_not_allowed) out.set(field::allow, "GET, HEAD");
    if (code == status::service_unavailable) out.set(field::retry_after, "1");
    for (const auto& f : extra_) out.set(f.first, f.second);
    out.keep_alive(false);
    if (!head_) out.body() = boost::beast::span<const char>(body_->body.data(), body_->body.size());
    if (!head_ || !body_->body.empty()) out.content_length(body_->body.size());
    timer_.cancel();
    stream_.expires_after(host_.limits().answer);
    http::async_write(stream_, out, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->close();
      self->linger();
    });
  }

  void linger() {
    answered_ = true;
    body_.reset();
    error_code error;
    stream_.socket().shutdown(boost::asio::socket_base::shutdown_send, error);
    if (error) return close();
    wait(host_.limits().linger);
    if (!reads_) discard();
    else if (discarded_ >= most_discarded) close();
  }

  void close() noexcept {
    forget();
    try {
      timer_.cancel();
    } catch (...) {
    }
    if (!stream_.socket().is_open()) return;
    own_sockets::close(stream_.socket().native_handle(), [this] { stream_.close(); });
  }

  serve_host& host_;
  serve_stream stream_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::span_body<const char>>> response_;
  std::shared_ptr<const page> body_;
  std::shared_ptr<recording> recording_;
  std::vector<std::pair<const char*, std::string>> extra_;  ///< further fields
  std::string query_;
  std::array<char, 1024> rest_{};
  std::size_t discarded_ = 0;
  seconds length_{0};
  const bool refused_;
  bool head_ = false, reports_ = false, begun_ = false, ending_ = false, reads_ = false, answered_ = false;
};

}  // namespace detail
}  // namespace pyro
