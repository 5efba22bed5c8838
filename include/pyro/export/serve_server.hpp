#pragma once
// The server of the live view: a socket that listens, a thread, connections. Nothing of the program ever waits for it, and it takes neither
// more connections nor more memory than it may.

#include <pyro/export/serve_address.hpp>
#include <pyro/export/serve_connection.hpp>
#include <pyro/platform/threads.hpp>

#include <condition_variable>
#include <csignal>  // mask
#include <cstring>  // strerror
#include <mutex>
#include <thread>

namespace pyro {
namespace detail PYRO_HIDDEN {

/// The exporter and the server's thread each own a part of it: the thread may outlive the exporter.
class serve_server final : public serve_host, public std::enable_shared_from_this<serve_server> {
 public:
  serve_server(const config& settings, log_callback log, cut_window cut, const serve_limits& limits)
      : limits_(limits), application_(settings.application_name), token_(settings.serve_token), log_(std::move(log)), history_(static_cast<std::size_t>(settings.serve_windows)),
        recordings_(std::move(cut)) {}
  ~serve_server() {
    if (listener_ >= 0) own_sockets::close(listener_, [this] { ::close(listener_); });
  }

  /// Listens, and starts the thread; or why that can't be.
  std::string start(const config& settings) {
    const auto fail = [&](const std::string& why) { return "serve_address (PYRO_SERVE), '" + settings.serve_address + "': " + why; };
    const listen_address address = parse_listen_address(settings.serve_address);
    if (!address.error.empty()) return fail(address.error + "; such as 127.0.0.1:6060, [::1]:6060, or :6060 for this machine alone");
    if (!address.loopback && token_.empty() && !settings.serve_without_token)
      return fail("other machines could connect there: set serve_token (PYRO_SERVE_TOKEN), or serve_without_token (PYRO_SERVE_WITHOUT_TOKEN=1) where all who can may");
    checks_host_ = address.loopback;
    listener_ = open_listener(address.bytes, address.size);
    if (listener_ < 0) {
      const int why = errno;
      return fail(std::string("it cannot be listened on: ") + std::strerror(why) + (why == EADDRINUSE ? "; another program has the port, choose another, or port 0 for any free one" : ""));
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&bound), &size);
    protocol_ = address.bytes.ss_family == AF_INET6 ? 6 : 4;
    const std::string at = text_of(bound);
    if (!start_thread()) return fail("no thread can be started (limit on threads?)");
    say(log_level::info, "at http://" + at + "/, and for go tool pprof at http://" + at + "/debug/pprof/profile?seconds=30");
    return {};
  }

  void add_window(const profile& window) { history_.add(window); }

  void add_piece(const profile& piece, std::uint64_t answered, bool ends_window) noexcept {
    try {
      history_.add_piece(piece, ends_window);
    } catch (...) {  // out of memory: the report has less
    }
    recordings_.add_piece(piece, answered);
  }

  /// Ends all connections and the thread. Any thread, more than once.
  void stop() noexcept {
    std::unique_lock<std::mutex> hold(mutex_);
    stopped_ = true;
    if (io_ != nullptr) io_->stop();
    if (started_) ended_condition_.wait_for(hold, std::chrono::seconds(1), [this] { return ended_; });
  }

  std::int64_t cpu_ns() const noexcept {
    const std::int64_t whole = __atomic_load_n(&cpu_ns_, __ATOMIC_ACQUIRE);
    if (whole != 0) return whole;
    const pid_t tid = __atomic_load_n(&tid_, __ATOMIC_ACQUIRE);
    return tid == 0 ? 0 : platform::clock_ns(platform::thread_cpu_clock(tid));
  }

 private:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;

  // ---- what connections ask for ----

  const serve_limits& limits() const noexcept override { return limits_; }
  const std::string& application() const noexcept override { return application_; }
  const std::string& token() const noexcept override { return token_; }
  bool checks_host() const noexcept override { return checks_host_; }
  recordings& profiles() noexcept override { return recordings_; }

  /// Made at most once a second, however many ask; and never a third one while slow readers still hold two others.
  std::shared_ptr<const page> report() override {
    const auto now = std::chrono::steady_clock::now();
    const bool crowded = !older_report_.expired() && report_.use_count() > 1;
    if (report_ == nullptr || (now - report_made_ >= std::chrono::seconds(1) && !crowded)) {
      auto made = std::make_shared<const page>(report_page(application_, history_.windows()));
      older_report_ = report_;
      report_ = std::move(made);
      report_made_ = std::chrono::steady_clock::now();
    }
    return report_;
  }

  void post(std::function<void()> run) override {
    const std::lock_guard<std::mutex> hold(mutex_);
    if (!stopped_ && io_ != nullptr) boost::asio::post(*io_, std::move(run));
  }

  void ended(bool refused) noexcept override { --(refused ? refused_ : connections_); }

  // ---- the thread ----

  /// Every signal is blocked there.
  bool start_thread() {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = true;
    try {
      std::thread([self = shared_from_this()] { self->run(); }).detach();  // nobody waits for its end without a deadline
    } catch (...) {
      made = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    started_ = made;
    return made;
  }

  void run() noexcept {
    ::pthread_setname_np(::pthread_self(), "pyro-serve");
    const platform::own_thread mark;
    __atomic_store_n(&tid_, platform::thread_id(), __ATOMIC_RELEASE);
    try {
      boost::asio::io_context io(1);
      boost::asio::steady_timer pause(io);
      tcp::acceptor acceptor(io, protocol_ == 6 ? tcp::v6() : tcp::v4(), listener_);  // last: what fails from here on would close it twice
      acceptor_ = &acceptor;
      pause_ = &pause;
      {
        const std::lock_guard<std::mutex> hold(mutex_);
        if (!stopped_) io_ = &io;
      }
      if (io_ != nullptr) work(io);
      {
        const std::lock_guard<std::mutex> hold(mutex_);
        io_ = nullptr;
      }
      own_sockets::close(listener_, [&] { error_code ignored; acceptor.close(ignored); });
      listener_ = -1;
    } catch (...) {
      say(log_level::error, "it has ended: out of memory or descriptors");
    }
    __atomic_store_n(&cpu_ns_, platform::clock_ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELEASE);
    const std::lock_guard<std::mutex> hold(mutex_);
    ended_ = true;
    ended_condition_.notify_all();
  }

  /// What a handler throws (there is no memory) costs its connection. Where it was the one that waits for connections, it waits anew.
  void work(boost::asio::io_context& io) {
    for (;;) {
      try {
        if (!waits_) wait_for_connections();
        io.run();
        return;
      } catch (...) {
        const timespec moment{0, 10000000};
        ::nanosleep(&moment, nullptr);
      }
    }
  }

  void wait_for_connections() {
    waits_ = true;
    try {
      acceptor_->async_wait(tcp::acceptor::wait_read, [this](error_code error) {
        waits_ = false;
        if (error == boost::asio::error::operation_aborted) return;
        if (take_connections()) return wait_for_connections();
        waits_ = true;  // no descriptors: the socket stays readable, and asking at once again would be all that this thread does
        pause_->expires_after(std::chrono::milliseconds(100));
        pause_->async_wait([this](error_code) {
          waits_ = false;
          wait_for_connections();
        });
      });
    } catch (...) {
      waits_ = false;
      throw;
    }
  }

  /// False where the system has no room for them.
  bool take_connections() {
    for (int i = 0; i < 16; ++i) {  // then others have their turn
      const int fd = own_sockets::open([this] { return ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK); });
      if (fd < 0) return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ECONNABORTED;
      take(fd);
    }
    return true;
  }

  void take(int fd) {
    const bool refused = connections_ >= limits_.connections;
    if (refused && refused_ >= limits_.refused) {
      static constexpr char sorry[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      static_cast<void>(::send(fd, sorry, sizeof sorry - 1, MSG_NOSIGNAL | MSG_DONTWAIT));
      return own_sockets::close(fd, [fd] { ::close(fd); });
    }
    ++(refused ? refused_ : connections_);
    std::shared_ptr<serve_connection> made;
    try {
      made = std::make_shared<serve_connection>(*io_, *this, protocol_ == 6 ? tcp::v6() : tcp::v4(), fd, refused);
    } catch (...) {
      ended(refused);
      own_sockets::close(fd, [fd] { ::close(fd); });
      throw;
    }
    made->start();
  }

  void say(log_level level, const std::string& message) const noexcept {
    try {
      if (log_) log_(level, "live view: " + message);
    } catch (...) {
    }
  }

  const serve_limits limits_;
  const std::string application_, token_;
  const log_callback log_;
  window_history history_;
  recordings recordings_;
  bool checks_host_ = true;
  int listener_ = -1;
  int protocol_ = 4;
  // of the thread alone
  tcp::acceptor* acceptor_ = nullptr;
  boost::asio::steady_timer* pause_ = nullptr;
  std::shared_ptr<const page> report_;
  std::weak_ptr<const page> older_report_;
  std::chrono::steady_clock::time_point report_made_{};
  int connections_ = 0, refused_ = 0;
  bool waits_ = false;

  std::mutex mutex_;  ///< of what follows
  std::condition_variable ended_condition_;
  boost::asio::io_context* io_ = nullptr;
  bool stopped_ = false, started_ = false, ended_ = false;
  pid_t tid_ = 0;
  std::int64_t cpu_ns_ = 0;
};

}  // namespace detail
}  // namespace pyro
