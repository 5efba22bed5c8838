// Random programs of scopes, tags, exceptions and longjmp against a simple model: counts by (stack, labels) must be equal, exactly.
//
// A program is a recursion of random steps. The model keeps the open scopes and tags as a plain list and counts in a map; it is told
// by the same blocks that hold the macros. Frames that longjmp may skip hold nothing that needs a destructor but pyro's scopes.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"

#include <catch2/catch.hpp>

#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace random_program_test {

using pyro_test::counts;

namespace {

/// What is open, outermost first, and how often each path was entered.
class model {
 public:
  struct item {
    std::string key;  // empty: a scope
    std::string text;
  };

  void scope(const char* name) {
    open_.push_back({"", name});
    ++counts_[path()];
  }
  void tag(const char* key, const char* value) { open_.push_back({key, value}); }
  std::size_t mark() const { return open_.size(); }
  void back_to(std::size_t mark) { open_.resize(mark); }
  const counts& result() const { return counts_; }

 private:
  std::string path() const {
    std::string stack, labels;
    std::map<std::string, std::string> innermost;
    for (const item& i : open_) {
      if (i.key.empty()) stack += (stack.empty() ? "" : ";") + i.text;
      else innermost[i.key] = i.text;
    }
    for (const auto& l : innermost) labels += (labels.empty() ? "" : ",") + l.first + "=" + l.second;
    return labels.empty() ? stack : stack + " {" + labels + "}";
  }

  std::vector<item> open_;
  counts counts_;
};

struct thrown {
  int levels;  ///< passes so many catch blocks
};

class program {
 public:
  program(std::uint32_t seed, int steps) : random_(seed), left_(steps) {}

  counts run() {
    while (left_ > 0) {
      try {
        block(0);
      } catch (const thrown&) {
        model_.back_to(0);
        targets_.clear();
      }
    }
    return model_.result();
  }
  int jumps() const { return jumps_; }
  int throws() const { return throws_; }

 private:
  static constexpr int deepest = 24;
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint32_t>(n)); }

  // Not a class with a destructor: longjmp would skip it.
#define PYRO_TEST_BLOCK(told, macro) \
  {                                  \
    const std::size_t mark = model_.mark(); \
    model_.told;                     \
    macro;                           \
    block(depth + 1);                \
    model_.back_to(mark);            \
  }                                  \
  break

  __attribute__((noinline)) void block(int depth) {
    for (int n = depth == 0 ? 40 : below(5); n > 0 && left_ > 0; --n) {
      --left_;
      if (depth >= deepest) return;
      char text[24];
      switch (below(16)) {
        case 0: PYRO_TEST_BLOCK(scope("a"), PYRO_SCOPE("a"));
        case 1: PYRO_TEST_BLOCK(scope("b"), PYRO_SCOPE("b"));
        case 2: PYRO_TEST_BLOCK(scope("c"), PYRO_SCOPE("c"));
        case 3: PYRO_TEST_BLOCK(scope("b"), PYRO_SCOPE("b"));  // another site of the same name
        case 4: std::snprintf(text, sizeof text, "dynamic %d", below(6)); PYRO_TEST_BLOCK(scope(text), PYRO_SCOPE_DYNAMIC(text));
        case 5: PYRO_TEST_BLOCK(tag("k", "literal"), PYRO_TAG("k", "literal"));
        case 6: PYRO_TEST_BLOCK(tag("l", "literal"), PYRO_TAG("l", "literal"));
        case 7: std::snprintf(text, sizeof text, "v%d", below(8)); PYRO_TEST_BLOCK(tag("k", text), PYRO_TAG("k", text));
        case 8: {
          const int number = below(5) - 2;
          std::snprintf(text, sizeof text, "%d", number);
          PYRO_TEST_BLOCK(tag("n", text), PYRO_TAG("n", number));
        }
        case 9: std::snprintf(text, sizeof text, "view %d", below(3)); PYRO_TEST_BLOCK(tag("l", text), PYRO_TAG("l", std::string_view(text)));
        case 10: both(depth); break;
        case 11: catches(depth); break;
        case 12:
          if (depth > 2 && below(3) == 0) {
            ++throws_;
            throw thrown{below(3)};
          }
          break;
        case 13: lands(depth); break;
        case 14:
          if (!targets_.empty() && below(3) == 0) {
            ++jumps_;
            const std::size_t which = targets_.size() - 1 - static_cast<std::size_t>(below(static_cast<int>(targets_.size())));
            std::longjmp(*targets_[which], 1);
          }
          break;
        default: leaf(); break;
      }
    }
  }

  /// A tag and a scope of one block; the model learns of both at once.
  __attribute__((noinline)) void both(int depth) {
    const std::size_t mark = model_.mark();
    model_.tag("k", "both");
    PYRO_TAG("k", "both");
    model_.scope("both");
    PYRO_SCOPE("both");
    block(depth + 1);
    model_.back_to(mark);
  }

  __attribute__((noinline)) void leaf() {
    const std::size_t mark = model_.mark();
    model_.scope("leaf");
    PYRO_SCOPE("leaf");
    model_.back_to(mark);
  }

  __attribute__((noinline)) void catches(int depth) {
    const std::size_t mark = model_.mark();
    const std::size_t jump_mark = targets_.size();
    try {
      block(depth + 1);
    } catch (const thrown& t) {
      model_.back_to(mark);
      targets_.resize(jump_mark);
      if (t.levels > 0) throw thrown{t.levels - 1};
      model_.scope("caught");
      PYRO_SCOPE("caught");
      model_.back_to(mark);
    }
  }

  /// A place to jump to. What was skipped is known to be dead at the next scope in a frame above it, so one follows at once; a leftover
  /// below a deeper frame cannot be told from a live scope (pyro/core/slot.hpp).
  __attribute__((noinline)) void lands(int depth) {
    const std::size_t mark = model_.mark();
    const std::size_t jump_mark = targets_.size();
    std::jmp_buf here;
    targets_.push_back(&here);
    if (setjmp(here) == 0) {
      block(depth + 1);
    } else {
      model_.back_to(mark);
      targets_.resize(jump_mark);
      model_.scope("landed");
      PYRO_SCOPE("landed");
      block(depth + 1);
    }
    model_.back_to(mark);
    targets_.resize(jump_mark);
  }
#undef PYRO_TEST_BLOCK

  std::mt19937 random_;
  int left_;
  int jumps_ = 0, throws_ = 0;
  model model_;
  std::vector<std::jmp_buf*> targets_;
};

/// The first few differences, for people.
std::string differences(const counts& expected, const counts& actual) {
  std::string out;
  int shown = 0;
  const auto show = [&](const std::string& path, std::int64_t want, std::int64_t have) {
    if (want != have && ++shown <= 10) out += path + ": " + std::to_string(want) + " expected, " + std::to_string(have) + " counted\n";
  };
  for (const auto& e : expected) show(e.first, e.second, actual.count(e.first) != 0 ? actual.at(e.first) : 0);
  for (const auto& a : actual)
    if (expected.count(a.first) == 0) show(a.first, 0, a.second);
  return out;
}

pyro::config roomy() {
  pyro::config c = pyro_test::counting_only();
  c.max_memory = std::size_t{256} << 20;
  return c;
}

}  // namespace

TEST_CASE("random programs are counted as the model counts them") {
  auto p = pyro::configure(roomy());
  REQUIRE(p);
  int jumps = 0, throws = 0;
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    program one(seed, 30'000);
    const counts expected = one.run();
    const pyro::profile w = p.collect_now();
    INFO("seed " << seed);
    CHECK(differences(expected, pyro_test::calls_of(w)) == "");
    CHECK(w.lost.budget == 0);
    CHECK(w.lost.tag_values == 0);
    jumps += one.jumps();
    throws += one.throws();
  }
  CHECK(jumps > 100);
  CHECK(throws > 100);
}

TEST_CASE("random programs in several threads at once, with windows closing meanwhile") {
  auto p = pyro::configure(roomy());
  counts expected, actual;
  std::vector<counts> each(3);
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < each.size(); ++t) threads.emplace_back([&each, t] { each[t] = program(100 + t, 50'000).run(); });
  const auto take = [&] {
    for (const auto& r : pyro_test::calls_of(p.collect_now())) actual[r.first] += r.second;
  };
  for (int i = 0; i < 20; ++i) take();
  for (auto& t : threads) t.join();
  take();
  for (const counts& c : each)
    for (const auto& r : c) expected[r.first] += r.second;
  CHECK(differences(expected, actual) == "");
}

TEST_CASE("random programs while samples are taken") {
  pyro::config c = roomy();
  c.engine = "thread_timers";
  c.sample_rate = 1000;
  c.stacks = "scopes";
  auto p = pyro::configure(c);
  counts expected, actual;
  for (std::uint32_t seed = 200; seed < 204; ++seed) {
    for (const auto& r : program(seed, 50'000).run()) expected[r.first] += r.second;
    for (const auto& r : pyro_test::calls_of(p.collect_now())) actual[r.first] += r.second;
  }
  CHECK(differences(expected, actual) == "");
}

}  // namespace random_program_test
