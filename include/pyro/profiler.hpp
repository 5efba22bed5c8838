#pragma once
// Starts and holds the profiler. Include it where `main` is; instrumented files need pyro/pyro.hpp alone.
//
//     int main() {
//       pyro::config config;
//       config.application_name = "ride-sharing-app";
//       config.tags = {{"region", std::getenv("REGION")}};
//       auto profiler = pyro::configure(config);      // flushes and stops at the end of main, and at exit()
//       ...
//     }

#include <pyro/doctor.hpp>
#include <pyro/pyro.hpp>

namespace pyro {

/// The handle of the process's profiler: stops it when destroyed. Movable. All members but moving are thread safe, none throws, and none may be
/// called from a signal handler.
class profiler {
 public:
  profiler() = default;
  profiler(profiler&& other) noexcept : runs_(__atomic_exchange_n(&other.runs_, false, __ATOMIC_ACQ_REL)), error_(std::move(other.error_)) {}
  profiler& operator=(profiler&& other) noexcept {
    if (this != &other) {
      stop();
      runs_ = __atomic_exchange_n(&other.runs_, false, __ATOMIC_ACQ_REL);
      error_ = std::move(other.error_);
    }
    return *this;
  }
  ~profiler() { stop(); }

  /// True where profiling was started by this handle's `configure` and not stopped through it since.
  explicit operator bool() const noexcept { return core::load_acquire(runs_); }
  /// Why it was not started; empty where it was.
  const std::string& error() const noexcept { return error_; }

  /// Closes the window now and delivers it. False where not everything was delivered within `timeout`.
  PYRO_HIDDEN bool flush(std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) noexcept {
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24 * 365);  // more does not fit into nanoseconds from now
    return static_cast<bool>(*this) && collect::runtime::the().flush(std::min(timeout, longest));
  }

  /// Closes the window now and returns it instead of exporting it. Meant for tests, with `config::background` off.
  PYRO_HIDDEN profile collect_now() { return *this ? collect::runtime::the().collect_now() : profile{}; }

  /// Suspends counting and sampling: macros cost what they cost without a profiler. Scopes and tags that begin meanwhile are not seen,
  /// also not after `resume`.
  PYRO_HIDDEN void pause() noexcept {
    if (*this) collect::runtime::the().pause();
  }
  PYRO_HIDDEN void resume() noexcept {
    if (*this) collect::runtime::the().resume();
  }

  /// Samples a second of CPU time, 1 to 1000; false (and a message) where `hz` is not that.
  PYRO_HIDDEN bool set_sample_rate(int hz) noexcept { return static_cast<bool>(*this) && collect::runtime::the().set_sample_rate(hz); }

  /// Delivers the last window, within `config::exit_timeout`, and stops.
  PYRO_HIDDEN void stop() noexcept {
    if (__atomic_exchange_n(&runs_, false, __ATOMIC_ACQ_REL)) collect::runtime::the().stop();
  }

  PYRO_HIDDEN pyro::stats stats() const noexcept { return *this ? collect::runtime::the().get_stats() : pyro::stats{}; }

 private:
  friend PYRO_HIDDEN profiler configure(const config& wanted) noexcept;

  bool runs_ = false;
  std::string error_;
};

/// Starts profiling with `wanted`, overridden by the environment, and takes over what pyro/auto.hpp started. Never throws: where it
/// can't start, the handle is false and says why, and the program goes on without a profile.
PYRO_HIDDEN inline profiler configure(const config& wanted = {}) noexcept {
  profiler made;
  PYRO_TRY {
    made.error_ = checks::start(wanted, false);
    made.runs_ = made.error_.empty();
    const bool asked_off = made.error_.find("PYRO=off") != std::string::npos;
    if (!made.runs_) collect::runtime::the().log()(asked_off ? log_level::info : log_level::error, "configure: " + made.error_);
  }
  PYRO_CATCH_ALL { made.runs_ = false; }
  return made;
}

}  // namespace pyro
