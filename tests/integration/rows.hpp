#pragma once
// Profiles as tables that tests compare: "main;order;find {vehicle=car}" -> values. Used by the unit tests as well.

#include <pyro/profiler.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace pyro_test {

struct row {
  std::int64_t calls = 0, samples = 0, cpu_ns = 0;
};
using table = std::map<std::string, row>;

struct counts : std::map<std::string, std::int64_t> {
  using map::map;
};
inline std::string print(const counts& c) {
  std::string out;
  for (const auto& r : c) out += "  " + std::to_string(r.second) + "  " + r.first + "\n";
  return out.empty() ? "  (nothing)\n" : out;
}
inline std::ostream& operator<<(std::ostream& out, const counts& c) { return out << "\n" << print(c); }

/// "outer;inner {key=value,key=value}": stack from the root, labels sorted by key.
inline std::string name_of_row(const pyro::profile& p, const pyro::sample& s) {
  std::string path;
  for (std::uint32_t at = s.stack; at != pyro::no_stack; at = p.stacks[at].parent) {
    const std::string& name = p.text(p.functions[p.frames[p.stacks[at].frame].function].name);
    path = path.empty() ? name : name + ";" + path;
  }
  std::string labels;
  for (const pyro::label& l : p.label_sets[s.labels]) labels += (labels.empty() ? "" : ",") + p.text(l.key) + "=" + p.text(l.value);
  return labels.empty() ? path : path + " {" + labels + "}";
}

inline void add_rows(table& out, const pyro::profile& p) {
  for (std::size_t i = 0; i < p.samples.size(); ++i) {
    row& r = out[name_of_row(p, p.samples[i])];
    r.calls += p.values_of(i)[0];
    r.samples += p.values_of(i)[1];
    r.cpu_ns += p.values_of(i)[2];
  }
}

inline table rows_of(const pyro::profile& p) {
  table out;
  add_rows(out, p);
  return out;
}

/// Exact calls alone; rows that have none are left out.
inline counts calls_of(const table& t) {
  counts out;
  for (const auto& r : t)
    if (r.second.calls != 0) out[r.first] = r.second.calls;
  return out;
}
inline counts calls_of(const pyro::profile& p) { return calls_of(rows_of(p)); }

inline std::int64_t sum(const counts& c) {
  std::int64_t total = 0;
  for (const auto& r : c) total += r.second;
  return total;
}

/// Keeps what it is handed.
class memory_exporter : public pyro::exporter {
 public:
  const char* name() const noexcept override { return "memory"; }
  pyro::export_result export_profile(const pyro::profile& window) override {
    const std::lock_guard<std::mutex> hold(mutex_);
    windows_.push_back(window);
    return pyro::export_result::success();
  }
  pyro::export_result finish() override {
    const std::lock_guard<std::mutex> hold(mutex_);
    ++finished_;
    return pyro::export_result::success();
  }

  std::vector<pyro::profile> windows() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return windows_;
  }
  int finished() const {
    const std::lock_guard<std::mutex> hold(mutex_);
    return finished_;
  }
  /// Of all windows.
  table rows() const {
    table out;
    for (const auto& w : windows()) add_rows(out, w);
    return out;
  }
  counts calls() const { return calls_of(rows()); }

 private:
  mutable std::mutex mutex_;
  std::vector<pyro::profile> windows_;
  int finished_ = 0;
};

/// Collects log messages. Copies share the list, so that a callback may outlive the test that made it.
class message_list {
 public:
  struct message {
    pyro::log_level level;
    std::string text;
  };

  pyro::log_callback callback() const {
    return [shared = shared_](pyro::log_level level, const std::string& text) {
      const std::lock_guard<std::mutex> hold(shared->mutex);
      shared->list.push_back({level, text});
    };
  }
  std::vector<message> all() const {
    const std::lock_guard<std::mutex> hold(shared_->mutex);
    return shared_->list;
  }
  /// How many of the messages of `least` level and above contain the text.
  int count(const std::string& text, pyro::log_level least = pyro::log_level::debug) const {
    int n = 0;
    for (const message& m : all()) n += m.level >= least && m.text.find(text) != std::string::npos ? 1 : 0;
    return n;
  }
  std::string joined() const {
    std::string out;
    for (const message& m : all()) out += m.text + "\n";
    return out;
  }

 private:
  struct state {
    std::mutex mutex;
    std::vector<message> list;
  };
  std::shared_ptr<state> shared_ = std::make_shared<state>();
};

/// No threads, no samples, no output: exact counts by `collect_now`. Messages go nowhere unless `log` is set.
inline pyro::config counting_only() {
  pyro::config c;
  c.background = false;
  c.engine = "none";
  c.log = [](pyro::log_level, const std::string&) {};
  return c;
}

}  // namespace pyro_test
