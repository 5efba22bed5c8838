#pragma once
// A live view of the running program: include this beside pyro/profiler.hpp or pyro/auto.hpp, in one file, and set `serve_address` (PYRO_SERVE).
// Needs the headers of Boost.Asio and Beast, nothing compiled of them, and exceptions. Off where nothing is set.
//
//     PYRO_SERVE=127.0.0.1:6060 ./server
//     go tool pprof http://127.0.0.1:6060/debug/pprof/profile?seconds=5         or a browser at http://127.0.0.1:6060/
//
//   worker: pieces, windows ─► recordings, history ◄─ the server's thread: connections, 16 at most
//
// A client that asks for the next N seconds has a window cut at both ends of them; the other exporters get the same windows as without it. No
// thread of the program ever waits for a client. A forked child does not serve.

#include <pyro/export/serve_server.hpp>

#include <unistd.h>  // getpid

namespace pyro {

/// Made by the runtime where `serve_address` is set.
class PYRO_HIDDEN serve : public live_view {
 public:
  serve(const config& settings, log_callback log, detail::cut_window cut, const detail::serve_limits& limits = {})
      : process_(::getpid()), server_(std::make_shared<detail::serve_server>(settings, std::move(log), std::move(cut), limits)), error_(server_->start(settings)) {}
  ~serve() override {
    if (process_ == ::getpid()) server_->stop();
    else new std::shared_ptr<detail::serve_server>(server_);  // a forked child's: its thread and its locks are the parent's
  }

  const char* name() const noexcept override { return "live view"; }
  /// Why it does not serve; empty: it does.
  const std::string& error() const noexcept { return error_; }

  export_result export_profile(const profile& window) override {
    server_->add_window(window);
    return export_result::success();
  }
  void add_piece(const profile& piece, std::uint64_t answered, bool ends_window) noexcept override { server_->add_piece(piece, answered, ends_window); }

  void cut_off() noexcept override {
    if (process_ == ::getpid()) server_->stop();
  }
  export_result finish() override {
    server_->stop();
    return export_result::success();
  }
  std::int64_t cpu_ns() const noexcept override { return server_->cpu_ns(); }

 private:
  const ::pid_t process_;
  const std::shared_ptr<detail::serve_server> server_;
  const std::string error_;
};

namespace detail {

inline std::shared_ptr<live_view> make_serve(const config& settings, log_callback log, cut_window cut, std::string& why_not) {
  try {
    auto made = std::make_shared<serve>(settings, std::move(log), std::move(cut));
    why_not = made->error();
    if (why_not.empty()) return made;
  } catch (const std::exception& e) {
    why_not = std::string("serve_address (PYRO_SERVE): the live view cannot be made: ") + e.what();
  }
  return nullptr;
}

// Registers the live view before main, in the executable or shared object that includes this header.
PYRO_HIDDEN inline const bool serve_registered = (live_view_slot.store(&make_serve), true);

}  // namespace detail
}  // namespace pyro
