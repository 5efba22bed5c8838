#pragma once
// Messages to the user: one at a time, level by level, never from a signal handler or with another lock of pyro held.

#include <pyro/config.hpp>
#include <pyro/platform/system.hpp>

#include <cstdio>  // the default sink
#include <new>     // placement

// Compiled with or without exceptions, nothing that user code throws leaves pyro's threads.
#if defined(__cpp_exceptions)
#define PYRO_TRY try
#define PYRO_CATCH_ALL catch (...)
#else
#define PYRO_TRY if (true)
#define PYRO_CATCH_ALL else
#endif

namespace pyro {
namespace detail PYRO_HIDDEN {

class logger {
 public:
  void configure(log_callback sink, log_level least) {
    platform::lock_guard hold(mutex_);
    sink_ = std::move(sink);
    least_ = least;
  }

  void operator()(log_level level, const std::string& message) noexcept {
    if (level < least_) return;
    platform::lock_guard hold(mutex_);
    PYRO_TRY {
      if (sink_) {
        sink_(level, message);
        return;
      }
    }
    PYRO_CATCH_ALL {}
    std::fprintf(stderr, "pyro: %s: %s\n", name(level), message.c_str());
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
  void after_fork() noexcept { new (&mutex_) platform::mutex(); }

 private:
  platform::mutex mutex_;
  log_callback sink_;
  log_level least_ = log_level::warning;
};

}  // namespace detail
}  // namespace pyro
