#pragma once
// What the uploader's tests share: short settings, collected messages, work that is sampled, the ledger.

#include "../integration/process.hpp"
#include "../sanitizers.hpp"
#include "../unit/make_profile.hpp"
#include "faulty_server.hpp"
#include "pusher.hpp"
#include "spend_cpu.hpp"

#include <pyro/encode/gzip.hpp>
#include <pyro/profiler.hpp>

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <random>

namespace pyro_test {

/// How much longer than its deadline something may take here, where the machine is shared.
inline constexpr milliseconds margin{PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 1500 : 400};

/// What config.log got.
class messages {
 public:
  pyro::log_callback callback() {
    return [this](pyro::log_level, const std::string& text) {
      const std::lock_guard<std::mutex> hold(mutex_);
      all_ += text + "\n";
      lines_.push_back(text);
      changed_.notify_all();
    };
  }
  std::string all() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return all_;
  }
  /// How many have this in them.
  std::size_t count(const std::string& part) const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return count_(part);
  }
  bool wait_for(const std::string& part, milliseconds most = milliseconds(10000)) const {
    std::unique_lock<std::mutex> hold(mutex_);
    return changed_.wait_for(hold, most, [&] { return count_(part) != 0; });
  }

 private:
  std::size_t count_(const std::string& part) const {
    std::size_t n = 0;
    for (const std::string& l : lines_) n += l.find(part) != std::string::npos;
    return n;
  }

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string all_;
  std::vector<std::string> lines_;
};

/// Windows end when a test flushes.
inline pyro::config settings(const std::string& address, messages& log) {
  pyro::config c;
  c.application_name = "faulty";
  c.server_address = address;
  c.window = std::chrono::hours(1);
  c.sample_rate = 1000;
  c.stacks = "scopes";  // who received what is told by leaves
  c.connect_timeout = milliseconds(300);
  c.upload_timeout = milliseconds(600);
  c.upload_jitter = milliseconds(0);
  c.exit_timeout = milliseconds(500);
  c.log = log.callback();
  return c;
}

/// CPU time under a scope, enough to be sampled; sanitizers hold signals back.
inline void work(int ms = PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 150 : 40) {
  PYRO_SCOPE("work");
  PYRO_TAG("kind", "test");
  spend_cpu(ms);
}

inline void check_sum(const pyro::stats& s) {
  CHECK(s.samples_produced == s.samples_exported + s.samples_queued + s.samples_dropped + s.samples_uncertain + s.samples_open + s.lost.ring_full);
}

/// Until `done`, at most ten seconds.
template <class Done>
bool wait_until(Done&& done) {
  for (const auto end = steady::now() + std::chrono::seconds(10); !done();) {
    if (steady::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(1));
  }
  return true;
}

inline milliseconds since(steady::time_point begin) { return std::chrono::duration_cast<milliseconds>(steady::now() - begin); }

class variable {
 public:
  variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~variable() { ::unsetenv(name_); }
  variable(const variable&) = delete;
  variable& operator=(const variable&) = delete;

 private:
  const char* name_;
};

/// Pushes go out as they are: so that their size is known.
class uncompressed {
 public:
  uncompressed() : before_(pyro::detail::compressor_slot.exchange(nullptr)) {}
  ~uncompressed() { pyro::detail::compressor_slot.store(before_); }
  uncompressed(const uncompressed&) = delete;
  uncompressed& operator=(const uncompressed&) = delete;

 private:
  const pyro::compressor before_;
};

inline std::int64_t wall_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A window of now with a sample in each of `rows` rows, whose names take `name_bytes` each.
inline pyro::profile window_of(std::size_t rows, std::size_t name_bytes, std::int64_t samples = 1, const std::string& application = "faulty") {
  profile_maker m;
  m.get().application = application;
  m.get().time_ns = wall_ns() - 10'000'000'000;
  for (std::size_t i = 0; i < rows; ++i) {
    std::string name = "f" + std::to_string(i) + "_";
    name.resize(std::max(name.size(), name_bytes), 'x');
    m.row({name}, {}, 1, samples);
  }
  return m.get();
}

inline pyro::delivery report(const pyro::exporter& e) {
  pyro::delivery d;
  CHECK(e.report(d));
  return d;
}

}  // namespace pyro_test
