#pragma once
// Pushes profiles to a Pyroscope server: include this beside pyro/profiler.hpp or pyro/auto.hpp, in one file, and set `server_address`
// (PYROSCOPE_SERVER_ADDRESS). Needs the headers of Boost.Asio and Beast, nothing compiled of them, and exceptions. pyro/export/tls.hpp beside
// it adds https, pyro/encode/zlib.hpp compression.
//
//   worker: window ─► push requests (encode/push.hpp) ─► queue, bounded ─► uploader's thread: one request at a time ─► POST /push.v1.PusherService/Push
//
// No thread of the program ever waits for the server; only `flush`, `stop` and exit do, up to their deadline. What cannot be delivered waits in
// the queue; past its bytes the oldest goes, and is counted. What may have arrived is never sent twice (export/retry.hpp).
// Protocol: grafana/pyroscope, api/push/v1/push.proto, over Connect's unary HTTP (connectrpc.com/docs/protocol).

#include <pyro/encode/push.hpp>
#include <pyro/export/http.hpp>
#include <pyro/export/push_words.hpp>
#include <pyro/export/retry.hpp>
#include <pyro/export/upload_queue.hpp>
#include <pyro/export/uploader.hpp>
#include <pyro/platform/threads.hpp>

#include <algorithm>           // min, max
#include <chrono>              // deadlines
#include <condition_variable>
#include <csignal>             // mask
#include <cstdlib>             // proxy variables
#include <mutex>
#include <random>              // seed, jitter
#include <set>                 // warnings given
#include <string>
#include <thread>

namespace pyro {
namespace detail PYRO_HIDDEN {

/// What the worker and the uploader's thread share. The thread owns a part of it, so that it may outlive the exporter.
class push_client {
 public:
  using clock = std::chrono::steady_clock;

  push_client(const config& settings, log_callback log, const url& server)
      : http_(server, {settings.tls_ca_file, settings.tls_certificate_file, settings.tls_key_file}), log_(std::move(log)),
        limits_{settings.connect_timeout, settings.upload_timeout}, queue_bytes_(settings.upload_queue_bytes), words_(server.text()),
        queue_(queue_bytes_), backoff_(std::random_device{}()) {
    fields_ = {{"User-Agent", "pyro/" PYRO_VERSION}, {"Content-Type", "application/proto"}, {"Connect-Protocol-Version", "1"}};
    const std::string user = settings.basic_auth_user.empty() ? server.user : settings.basic_auth_user;
    const std::string password = settings.basic_auth_user.empty() ? server.password : settings.basic_auth_password;
    if (!settings.auth_token.empty()) fields_.emplace_back("Authorization", "Bearer " + settings.auth_token);
    else if (!user.empty()) fields_.emplace_back("Authorization", basic(user, password));
    for (const auto& secret : {settings.auth_token, password}) words_.hide(secret);
    if (fields_.size() > 3) words_.hide(fields_.back().second.substr(fields_.back().second.find(' ') + 1));
    for (const auto& field : settings.http_headers) words_.hide(field.second);
    if (!settings.tenant_id.empty()) fields_.emplace_back("X-Scope-OrgID", settings.tenant_id);
    fields_.insert(fields_.end(), settings.http_headers.begin(), settings.http_headers.end());
    http_.prepare();
  }

  void use_proxy(const url& proxy) {
    if (!proxy.user.empty()) {
      const std::pair<std::string, std::string> field{"Proxy-Authorization", basic(proxy.user, proxy.password)};
      for (const auto& secret : {proxy.password, field.second.substr(6)}) words_.hide(secret);
      if (http_.server().scheme == "https") http_.set_proxy_fields({field});
      else fields_.push_back(field);
    }
    http_.set_proxy(proxy);
  }

  void add(upload u) {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      if (!queue_.add(std::move(u))) full();
      wake_.notify_all();
    }
    speak();
  }

  /// Sends what waits, now. False where something is still there at the deadline, or was lost since the last time that nothing was.
  bool flush(clock::time_point deadline) {
    std::unique_lock<std::mutex> hold(mutex_);
    ++flushing_;
    hurry_ = true;
    wake_.notify_all();
    const bool idle = idle_.wait_until(hold, deadline, [this] { return (queue_.idle() && !speaking_) || ended_; });
    --flushing_;
    if (!idle || !queue_.idle()) return false;
    const std::uint64_t lost = queue_.ledger().dropped + queue_.ledger().uncertain;
    return std::exchange(lost_before_flush_, lost) == lost;
  }

  /// The end: cuts off what is under way and drops what waits.
  void stop() {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      stop_ = true;
      wake_.notify_all();
    }
    http_.abort();
    std::unique_lock<std::mutex> hold(mutex_);
    if (started_) idle_.wait_for(hold, std::chrono::seconds(1), [this] { return ended_; });
    queue_.drop_all();
  }

  delivery ledger() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return queue_.ledger();
  }
  std::int64_t cpu_ns() const noexcept {
    const std::int64_t whole = __atomic_load_n(&cpu_ns_, __ATOMIC_ACQUIRE);
    if (whole != 0) return whole;
    const pid_t tid = __atomic_load_n(&tid_, __ATOMIC_ACQUIRE);
    return tid == 0 ? 0 : platform::clock_ns(platform::thread_cpu_clock(tid));
  }

  /// Starts the thread that sends; false where the system refuses one. Every signal is blocked there.
  static bool start(const std::shared_ptr<push_client>& self) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = true;
    try {
      std::thread([self] { self->run(); }).detach();  // ended_ tells that it is at its end; nobody waits for it without a deadline
    } catch (...) {  // the system refuses, or there is no memory
      made = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    self->started_ = made;
    return made;
  }

 private:
  /// RFC 7617; base64 as in RFC 4648, 4.
  static std::string basic(const std::string& user, const std::string& password) {
    static constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::string login = user + ":" + password;
    std::string out = "Basic ";
    for (std::size_t i = 0; i < login.size(); i += 3) {
      const auto byte = [&](std::size_t k) { return i + k < login.size() ? static_cast<unsigned char>(login[i + k]) : 0U; };
      const unsigned bits = byte(0) << 16 | byte(1) << 8 | byte(2);
      for (unsigned k = 0; k < 4; ++k) out += i + k > login.size() ? '=' : digits[bits >> (18 - 6 * k) & 63U];
    }
    return out;
  }

  void run() noexcept {
    ::pthread_setname_np(::pthread_self(), "pyro-uploader");
    const platform::own_thread mark;
    __atomic_store_n(&tid_, platform::thread_id(), __ATOMIC_RELEASE);
    try {
      std::unique_lock<std::mutex> hold(mutex_);
      while (!stop_) {
        if (queue_.empty()) {
          wake_.wait(hold);
          continue;
        }
        const auto now = clock::now();
        if (const auto when = next_attempt(now); when > now) {
          wake_.wait_until(hold, when);
          continue;
        }
        hurry_ = false;
        upload u = queue_.take();
        hold.unlock();
        const http_answer answer = attempt(u);
        hold.lock();
        pace_.take(clock::now(), u.raw_bytes);  // now: who knows when the server counted it
        settle(std::move(u), answer);
        speaking_ = true;  // whoever flushes has heard what became of it
        hold.unlock();
        speak();
        hold.lock();
        speaking_ = false;
        if (queue_.idle()) idle_.notify_all();
      }
    } catch (...) {
      say(log_level::error, "the uploader has ended, out of memory; profiles are no longer pushed");
    }
    http_.close();
    __atomic_store_n(&cpu_ns_, platform::clock_ns(CLOCK_THREAD_CPUTIME_ID), __ATOMIC_RELEASE);
    const std::lock_guard<std::mutex> hold(mutex_);
    queue_.drop_all();
    ended_ = true;
    idle_.notify_all();
  }

  /// Whoever flushes does not wait for jitter, nor for the backoff once; but for what the server itself asked for.
  clock::time_point next_attempt(clock::time_point now) const {
    auto when = pace_.ready(now, queue_.front().raw_bytes);
    if (flushing_ == 0) when = std::max(when, queue_.front().due);
    if (!(flushing_ != 0 && hurry_) || backoff_.asked_by_server()) when = std::max(when, backoff_.next());
    return when;
  }

  http_answer attempt(const upload& u) {
    try {
      http_request request{"/push.v1.PusherService/Push", fields_, u.body};
      if (u.gzipped) request.fields.emplace_back("Content-Encoding", "gzip");
      return http_.post(request, limits_);
    } catch (const std::exception& e) {  // out of memory, of descriptors
      http_answer failed;
      failed.error = e.what();
      return failed;
    }
  }

  void settle(upload u, const http_answer& answer) {
    verdict what = judge(answer.phase >= http_phase::sent, answer.status);
    if (what == verdict::uncertain && !proven_ && is_starting(answer.status, answer.body)) what = verdict::retry;
    if (answer.status == 0) proven_ = false;
    switch (what) {
      case verdict::delivered:
        proven_ = true;
        queue_.sent(u);
        if (backoff_.failures() != 0 || troubled_)
          messages_.push_back("pushes to " + words_.server() + " arrive again" +
                              (backoff_.failures() != 0 ? ", after " + std::to_string(backoff_.failures()) + " failures" : ""));
        backoff_.succeeded();
        troubled_ = false;
        told_.clear();
        break;
      case verdict::retry:
        if (is_too_old(u)) {
          queue_.dropped(u);
          tell("too old", "profiles older than an hour are dropped: the server refuses them");
        } else if (!queue_.put_back(std::move(u))) {
          full();
        }
        backoff_.failed(clock::now(), parse_retry_after(answer.retry_after, platform::wall_ns() / 1000000000));
        if (stop_) break;  // `finish` says what is lost
        tell("retry", words_.problem(answer) + "; profiles wait in a queue of " + std::to_string(queue_bytes_ >> 10) +
                          " KiB (upload_queue_bytes) and are sent again" + (backoff_.is_open() ? ", every half a minute" : ""));
        break;
      case verdict::uncertain:
        queue_.uncertain(u);
        backoff_.failed(clock::now(), std::chrono::seconds(0));
        tell("uncertain", words_.problem(answer) + "; whether the profile has arrived is uncertain, it is not sent twice");
        break;
      case verdict::refused:
        queue_.dropped(u);
        troubled_ = true;
        tell("refused " + std::to_string(answer.status), words_.problem(answer) + "; the profile is lost" + push_words::advice(answer.status));
        break;
    }
  }

  static bool is_too_old(const upload& u) noexcept { return platform::wall_ns() - u.time_ns > std::int64_t{3600} * 1000000000; }

  void full() {
    tell("full", "the queue of pushes is full (upload_queue_bytes, " + std::to_string(queue_bytes_ >> 10) + " KiB): the oldest profiles are dropped");
  }

  /// Once for each kind of trouble, until pushes arrive again. The lock is held: `speak` says it when it is not.
  void tell(const std::string& kind, const std::string& message) {
    if (told_.insert(kind).second) messages_.push_back(message);
  }
  void speak() {
    std::vector<std::string> messages;
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      messages.swap(messages_);
    }
    for (const std::string& m : messages) say(log_level::warning, m);
  }
  void say(log_level level, const std::string& message) const noexcept {
    try {
      if (log_) log_(level, "pyroscope: " + message);
    } catch (...) {
    }
  }

  http_client http_;
  const log_callback log_;
  const http_deadlines limits_;
  const std::size_t queue_bytes_;
  std::vector<std::pair<std::string, std::string>> fields_;
  push_words words_;

  mutable std::mutex mutex_;
  std::condition_variable wake_, idle_;
  upload_queue queue_;
  backoff backoff_;
  pace pace_;
  std::set<std::string> told_;
  std::vector<std::string> messages_;
  int flushing_ = 0;
  std::uint64_t lost_before_flush_ = 0;
  bool hurry_ = false;     ///< the next attempt needs no patience
  bool speaking_ = false;
  bool troubled_ = false;  ///< the server refuses what it gets
  bool proven_ = false;    ///< it has taken a push since it was last away
  bool stop_ = false;
  bool started_ = false;
  bool ended_ = false;
  pid_t tid_ = 0;
  std::int64_t cpu_ns_ = 0;
};

}  // namespace detail

/// Pushes each window. Made by the runtime where `server_address` is set; or by you, for a second server: put it into `config::exporters`.
class PYRO_HIDDEN pyroscope_exporter : public exporter {
 public:
  /// Settings as in `config`. `error` tells what is wrong with them; then every export fails with it.
  explicit pyroscope_exporter(const config& settings, log_callback log = {})
      : jitter_(std::max(std::min(settings.upload_jitter, settings.window), std::chrono::milliseconds(0))), log_(std::move(log)), random_(std::random_device{}()), process_(::getpid()) {
    const detail::url server = detail::parse_url(settings.server_address);
    if (!server.error.empty()) {
      error_ = "server_address: not the address of a server: " + server.error + "; such as http://pyroscope:4040";
      return;
    }
    client_ = std::make_shared<detail::push_client>(settings, log_, server);
    if (const std::string problem = choose_proxy(server); !problem.empty()) say("proxy: " + problem + "; it is not used");
    options_.thread_names = settings.upload_thread_names;
    options_.limits.bytes = std::min(options_.limits.bytes, settings.upload_queue_bytes);  // what does not fit into the queue is never sent
    options_.labels = {{"process_runtime_name", "cpp"}, {"process_runtime_version", compiler()}};
    if (settings.upload_otel_labels) {
      options_.labels.emplace_back("otel.scope.name", "pyro");
      options_.labels.emplace_back("otel.scope.version", PYRO_VERSION);
    }
    if (server.scheme == "https" && detail::tls_slot.load() == nullptr)
      error_ = "server_address: https needs #include <pyro/export/tls.hpp> beside pyro/export/pyroscope.hpp, and OpenSSL (-lssl -lcrypto)";
    else if (!detail::push_client::start(client_))
      error_ = "no thread can be started to push with (limit on threads?)";
  }
  ~pyroscope_exporter() override {
    if (client_ == nullptr) return;
    if (process_ == ::getpid()) client_->stop();
    else new std::shared_ptr<detail::push_client>(client_);  // a forked child's: its thread and its locks are the parent's
  }

  const char* name() const noexcept override { return "pyroscope"; }
  const std::string& error() const noexcept { return error_; }

  export_result export_profile(const profile& window) override {
    if (!error_.empty()) return export_result::failure(error_);
    push made = encode_push(window, options_);
    for (const auto& change : made.changes)
      if (told_.insert(change.first).second) say(change.first + " (" + change.second + ")");
    const auto due = std::chrono::steady_clock::now() + random_delay();
    for (push_part& part : made.parts) {
      detail::upload u;
      u.raw_bytes = part.body.size();
      u.samples = part.samples;
      u.time_ns = window.time_ns;
      u.due = due;
      u.gzipped = detail::compressor_slot.load(std::memory_order_acquire) != nullptr;
      u.body = u.gzipped ? gzip(part.body) : std::move(part.body);
      client_->add(std::move(u));
    }
    return export_result::success();
  }

  bool flush(std::chrono::steady_clock::time_point deadline) override { return error_.empty() && client_->flush(deadline); }

  void cut_off() noexcept override {
    if (client_ != nullptr && process_ == ::getpid()) client_->stop();
  }

  export_result finish() override {
    if (client_ == nullptr) return export_result::success();
    const std::uint64_t before = client_->ledger().dropped;
    client_->stop();
    const delivery after = client_->ledger();
    if (const std::uint64_t late = after.dropped - before + after.queued; late != 0) say(std::to_string(late) + " samples could not be delivered before the end (exit_timeout)");
    return export_result::success();
  }

  bool report(delivery& out) const noexcept override {
    if (!error_.empty()) return false;
    out = client_->ledger();
    return true;
  }

  std::int64_t cpu_ns() const noexcept override { return client_ != nullptr ? client_->cpu_ns() : 0; }

 private:
  void say(const std::string& message) const {
    if (log_) log_(log_level::warning, "pyroscope: " + message);
  }

  std::chrono::milliseconds random_delay() {
    return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, jitter_.count())(random_));
  }

  static std::string compiler() {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
  }

  /// http_proxy, https_proxy, all_proxy and no_proxy, in small or capital letters; but HTTP_PROXY not in a CGI program, where a client's header
  /// "Proxy:" would set it.
  std::string choose_proxy(const detail::url& server) {
    const auto variable = [](const char* small, const char* capital) {
      const char* value = std::getenv(small);
      if (value == nullptr || *value == '\0') value = std::getenv(capital);
      return std::string(value != nullptr ? value : "");
    };
    if (server.scheme == "unix" || detail::past_proxy(server, variable("no_proxy", "NO_PROXY"))) return {};
    const bool cgi = std::getenv("REQUEST_METHOD") != nullptr;
    std::string address = server.scheme == "https" ? variable("https_proxy", "HTTPS_PROXY") : variable("http_proxy", cgi ? "http_proxy" : "HTTP_PROXY");
    if (address.empty()) address = variable("all_proxy", "ALL_PROXY");
    if (address.empty()) return {};
    const detail::url proxy = detail::parse_url(address.find("://") == std::string::npos ? "http://" + address : address);
    if (!proxy.error.empty()) return proxy.error;
    if (proxy.scheme != "http") return "a proxy is spoken to by http, not by " + proxy.scheme;
    client_->use_proxy(proxy);
    return {};
  }

  std::chrono::milliseconds jitter_;
  log_callback log_;
  std::mt19937_64 random_;
  const ::pid_t process_;
  push_options options_;
  std::shared_ptr<detail::push_client> client_;
  std::set<std::string> told_;
  std::string error_;
};

namespace detail {

inline std::shared_ptr<exporter> make_pyroscope_exporter(const config& settings, log_callback log, std::string& why_not) {
  try {
    auto made = std::make_shared<pyroscope_exporter>(settings, std::move(log));
    why_not = made->error();
    if (why_not.empty()) return made;
  } catch (const std::exception& e) {  // OpenSSL without its configuration, no source of random numbers, out of memory
    why_not = std::string("the uploader cannot be made: ") + e.what();
  }
  return nullptr;
}

// Registers the uploader before main, in the executable or shared object that includes this header.
PYRO_HIDDEN inline const bool pyroscope_registered = (uploader_slot.store(&make_pyroscope_exporter), true);

}  // namespace detail
}  // namespace pyro
