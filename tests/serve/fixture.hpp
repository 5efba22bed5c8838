#pragma once
// What the tests of the live view share: a profiler that serves on a free port, its messages, work that is sampled.

#include "../integration/process.hpp"
#include "../sanitizers.hpp"
#include "../unit/pprof_reader.hpp"
#include "../upload/spend_cpu.hpp"
#include "client.hpp"
#include "included.hpp"

#include <pyro/profiler.hpp>

#include <catch2/catch.hpp>

#include <mutex>
#include <thread>

namespace pyro_test {

using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

inline milliseconds since(steady::time_point begin) { return std::chrono::duration_cast<milliseconds>(steady::now() - begin); }

/// How much longer than its deadline something may take here, where the machine is shared.
inline constexpr milliseconds margin{PYRO_TEST_TSAN || PYRO_TEST_ASAN ? 3000 : 800};

/// What config.log got. Callbacks may outlive it.
class messages {
 public:
  pyro::log_callback callback() {
    return [shared = shared_](pyro::log_level level, const std::string& text) {
      const std::lock_guard<std::mutex> hold(shared->mutex);
      shared->all += std::string(level == pyro::log_level::info ? "info: " : level == pyro::log_level::warning ? "warning: " : "error: ") + text + "\n";
    };
  }
  std::string all() const {
    const std::lock_guard<std::mutex> hold(shared_->mutex);
    return shared_->all;
  }
  std::size_t count(const std::string& part) const {
    const std::string text = all();
    std::size_t n = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  }

 private:
  struct state {
    std::mutex mutex;
    std::string all;
  };
  std::shared_ptr<state> shared_ = std::make_shared<state>();
};

/// The profiler of this process, serving.
class served {
 public:
  explicit served(pyro::config c = {}) {
    c.application_name = c.application_name.empty() ? "served <app>" : c.application_name;
    if (c.serve_address.empty()) c.serve_address = ":0";
    if (c.window == pyro::config().window) c.window = std::chrono::hours(1);
    c.log_level = pyro::log_level::info;
    c.log = log.callback();
    profiler = pyro::configure(c);
    port = port_in(log.all());
  }

  messages log;
  pyro::profiler profiler;
  int port = 0;
};

/// CPU time under a scope of this name, in this thread.
inline void work_a(int ms) {
  PYRO_SCOPE("work_a");
  spend_cpu(ms);
}

/// What a pprof answer says.
struct read_profile {
  std::string types;
  std::map<std::string, std::int64_t> samples_below;
  std::int64_t samples = 0, cpu_ns = 0, duration_ns = 0;

  explicit read_profile(const std::string& packed) {
    const pprof_profile p = read_pprof(gunzip(packed));
    for (const auto& t : p.types) types += t.first + "/" + t.second + " ";
    for (const pprof_sample& s : p.samples) {
      samples += s.values.at(p.types.size() - 2);
      cpu_ns += s.values.back();
      std::set<std::string> names;
      for (const pprof_frame& f : s.frames) names.insert(f.name);
      for (const std::string& name : names) samples_below[name] += s.values.at(p.types.size() - 2);
    }
    duration_ns = p.duration;
  }
};

/// What is in a report page: the header with the names, and the numbers.
inline std::string data_in_page(const std::string& page) {
  const std::size_t mark = page.find("data-enc=\"");
  if (mark == std::string::npos) return {};
  const std::size_t begin = page.find('>', mark) + 1;
  std::string out;
  unsigned bits = 0, count = 0;
  for (std::size_t i = begin; i < page.size() && page[i] != '<'; ++i) {
    static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t digit = digits.find(page[i]);
    if (digit == std::string::npos) continue;
    bits = bits << 6 | static_cast<unsigned>(digit);
    if (++count == 4) {
      for (int shift = 16; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift & 255);
      bits = count = 0;
    }
  }
  if (count == 2) out += static_cast<char>(bits >> 4);
  if (count == 3) (out += static_cast<char>(bits >> 10)) += static_cast<char>(bits >> 2);
  return page.compare(mark + 10, 4, "gzip") == 0 ? gunzip(out) : out;
}

/// Until `done`.
template <class Done>
bool wait_until(Done&& done, milliseconds most = milliseconds(10000)) {
  for (const auto end = steady::now() + most; !done();) {
    if (steady::now() > end) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

inline std::size_t open_sockets() {
  std::size_t n = 0;
  DIR* const d = ::opendir("/proc/self/fd");
  while (const dirent* e = ::readdir(d)) {
    char target[64];
    const ssize_t size = ::readlinkat(::dirfd(d), e->d_name, target, sizeof target);
    n += size > 7 && std::string(target, 7) == "socket:";
  }
  ::closedir(d);
  return n;
}

}  // namespace pyro_test
