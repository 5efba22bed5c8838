#pragma once
// Profiles for tests: one by hand that looks like the rideshare example, and random ones.

#include <pyro/model/builder.hpp>

#include <cstdint>
#include <initializer_list>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pyro_test {

/// A profile and its builder. `row({"main", "f"}, {{"tag", "value"}}, calls, samples)`; a sample is worth 10 ms.
class profile_maker {
 public:
  profile_maker() : builder_(made_) {
    made_.application = "test";
    made_.engine = "thread_timers";
    made_.time_ns = 1'795'529'700'000'000'000;  // 2026-11-24 14:15:00 UTC
    made_.duration_ns = 10'000'000'000;
    made_.period = 10'000'000;
    made_.sample_types = {{"calls", "count"}, {"samples", "count"}, {"cpu", "nanoseconds"}};
    pyro::mapping main_binary;
    main_binary.memory_start = 0x400000;
    main_binary.memory_limit = 0x500000;
    main_binary.file_offset = 0x1000;
    main_binary.filename = builder_.text("/usr/bin/rideshare");
    main_binary.build_id = builder_.text("0123456789abcdef");
    builder_.add_mapping(main_binary);
  }

  using names = std::vector<std::string>;
  using tags = std::vector<std::pair<std::string, std::string>>;

  std::uint32_t stack(const names& root_first) {
    std::uint32_t at = pyro::no_stack;
    for (const std::string& n : root_first) {
      pyro::function f;
      pyro::frame shown;
      f.name = builder_.text(n);
      if (!n.empty() && n[0] == '[') {
        shown.kind = pyro::frame_kind::synthetic;
      } else {
        f.file = builder_.text("src/rideshare.cpp");
        f.start_line = 10;
        shown.line = 12;
      }
      shown.function = builder_.add_function(f);
      at = builder_.add_stack(at, builder_.add_frame(shown));
    }
    return at;
  }

  void row(const names& root_first, const tags& labels, std::int64_t calls, std::int64_t samples) {
    row(stack(root_first), labels, {calls, samples, samples * 10'000'000});
  }
  void row(std::uint32_t stack_index, const tags& labels, const std::vector<std::int64_t>& values) {
    pyro::label_set set;
    for (const auto& l : labels) {
      const auto key = builder_.text(l.first);
      set.push_back({key, builder_.text(l.second)});
    }
    builder_.add(stack_index, builder_.add_labels(set), values.data());
  }

  pyro::profile& get() { return made_; }
  pyro::profile_builder& builder() { return builder_; }

 private:
  pyro::profile made_;
  pyro::profile_builder builder_;
};

/// What the rideshare example might measure in 26 s.
inline pyro::profile rideshare() {
  profile_maker m;
  pyro::profile& p = m.get();
  p.application = "ride-sharing-app";
  p.static_tags = {{"region", "eu-north"}, {"version", "2.1"}};
  p.duration_ns = 26'000'000'000;
  p.cost.cpu_ns = 12'345'678;
  p.cost.memory_bytes = 1'234'567;
  p.lost.ring_full = 3;
  p.lost.budget = 1'234;
  const auto worker = [](const char* vehicle, const char* thread) {
    return profile_maker::tags{{"vehicle", vehicle}, {"thread", thread}};
  };
  m.row({"main"}, {}, 1, 3);
  m.row({"main", "order_car"}, {{"thread", "worker-1"}}, 12'034, 3);
  m.row({"main", "order_car", "find nearest vehicle"}, worker("car", "worker-1"), 12'034, 1'007);
  m.row({"main", "order_car", "find nearest vehicle", "check_driver_availability"}, worker("car", "worker-1"), 12'034, 508);
  m.row({"main", "order_bike"}, {{"thread", "worker-2"}}, 9'034, 0);
  m.row({"main", "order_bike", "find nearest vehicle"}, worker("bike", "worker-2"), 9'034, 465);
  m.row({"main", "order_scooter"}, {{"thread", "worker-2"}}, 1'234'567, 0);
  m.row({"main", "order_scooter", "find nearest vehicle"}, worker("scooter", "worker-2"), 1'234'567, 734);
  m.row({"main", "order_scooter", "find nearest vehicle", "log"}, worker("scooter", "worker-2"), 1'234'567, 2);
  m.row({"main", "order_scooter", "find nearest vehicle", "cache<int, std::less<int>>::get(int) const"},
        worker("scooter", "worker-2"), 12, 1);
  m.row({"main", "order_scooter", "find nearest vehicle", "never sampled"}, worker("scooter", "worker-2"), 12, 0);
  m.row({"[no scope]"}, {{"thread", "rideshare"}}, 0, 120);
  return p;
}

/// Names that formats have trouble with.
inline const std::vector<std::string>& awkward_names() {
  static const std::vector<std::string> all = {"main",
                                               "",
                                               " ",
                                               "a;b",
                                               "worker 3",
                                               "worker 3.5",
                                               "7",
                                               "two\nlines",
                                               "tab\there",
                                               "\x1b[31mred",
                                               "bad \xff\xfe bytes",
                                               "cut \xe2\x82",
                                               "f\xc3\xbcr \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x94\xa5",
                                               "operator<<(std::ostream&, int)",
                                               "name with trailing space ",
                                               "[other]",
                                               "\"quoted\" & <b>",
                                               std::string("zero\0byte", 9),
                                               std::string(400, 'x')};
  return all;
}

/// A profile as the builder makes it, from a seed.
inline pyro::profile random_profile(std::uint32_t seed, std::size_t rows = 40) {
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  profile_maker m;
  pyro::profile& p = m.get();
  p.time_ns += static_cast<std::int64_t>(below(100)) * 10'000'000'000;
  p.lost.ring_full = below(5);
  p.lost.tag_cut = below(5);
  p.cost.cpu_ns = static_cast<std::int64_t>(below(1'000'000));
  p.cost.memory_bytes = below(1'000'000);
  const auto& names = awkward_names();
  for (std::size_t i = 0; i < rows; ++i) {
    profile_maker::names path;
    for (std::size_t depth = below(7); depth-- > 0;)
      path.push_back(below(3) ? names[below(names.size())] : "f" + std::to_string(below(30)));
    profile_maker::tags tags;
    for (std::size_t n = below(4); n-- > 0;)
      tags.emplace_back(names[below(6)], names[below(names.size())] + std::to_string(below(3)));
    const auto calls = static_cast<std::int64_t>(below(4) ? below(1'000) : 0);
    const auto samples = static_cast<std::int64_t>(below(3) ? below(50) : 0);
    m.row(m.stack(path), tags, {calls, samples, samples * 10'000'000 + static_cast<std::int64_t>(below(2))});
  }
  return p;
}

}  // namespace pyro_test
