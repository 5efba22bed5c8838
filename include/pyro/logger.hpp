#pragma once
// Messages to the user: one at a time, level by level, never from a signal handler or with another lock of pyro held.

#include <pyro/config.hpp>
#include <pyro/core/atomic.hpp>
#include <pyro/platform/exceptions.hpp>
#include <pyro/platform/system.hpp>

#include <cstdio>  // the default sink
#include <memory>  // a sink in use outlives its replacement
#include <new>     // placement

namespace pyro {
namespace detail PYRO_HIDDEN {

class logger {
 public:
  void configure(log_callback sink, log_level least) {
    auto next = std::make_shared<const log_callback>(std::move(sink));
    platform::lock_guard hold(mutex_);
    sink_.swap(next);
    core::store_relaxed(least_, static_cast<int>(least));
  }

  void operator()(log_level level, const std::string& message) noexcept {
    if (static_cast<int>(level) < core::load_relaxed(least_)) return;
    std::shared_ptr<const log_callback> sink;
    {
      platform::lock_guard hold(mutex_);
      sink = sink_;
    }
    // A callback may be waiting for what this very thread holds (a lock of the program's): then that wins, not the order of messages.
    const bool ours = sink != nullptr && *sink && calling_.lock_for(500000000);
    bool said = false;
    if (ours) {
      PYRO_TRY {
        (*sink)(level, message);
        said = true;
      }
      PYRO_CATCH_ALL {}
      calling_.unlock();
    }
    if (!said) std::fprintf(stderr, "pyro: %s: %s\n", name(level), message.c_str());
  }

  /// Where there may be no memory even for the message.
  void say(log_level level, const char* message) noexcept {
    PYRO_TRY { (*this)(level, message); }
    PYRO_CATCH_ALL {}
  }

  static const char* name(log_level level) noexcept {
    switch (level) {
      case log_level::debug: return "debug";
      case log_level::info: return "info";
      case log_level::warning: return "warning";
      case log_level::error: return "error";
    }
    return "error";
  }

  /// In a forked child: whoever was logging is not there.
  void after_fork() noexcept {
    new (&mutex_) platform::mutex();
    new (&calling_) platform::mutex();
  }

 private:
  platform::mutex mutex_;    ///< of the sink
  platform::mutex calling_;  ///< one call at a time
  std::shared_ptr<const log_callback> sink_;
  int least_ = static_cast<int>(log_level::warning);
};

}  // namespace detail
}  // namespace pyro
