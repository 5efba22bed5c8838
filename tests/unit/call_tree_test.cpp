// Scopes and tags as the collector sees them: exact counts by (stack, labels), limits and what goes to `[other]`.
#include <pyro/profiler.hpp>
#include <pyro/pyro.hpp>

#include "../integration/rows.hpp"

#include <catch2/catch.hpp>

#include <csetjmp>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace call_tree_test {

using pyro_test::calls_of;
using pyro_test::counting_only;
using pyro_test::counts;
using pyro_test::sum;

namespace {

void leaf() { PYRO_SCOPE("leaf"); }
void middle(int leaves) {
  PYRO_SCOPE("middle");
  for (int i = 0; i < leaves; ++i) leaf();
}
void recurse(int depth) {
  PYRO_SCOPE("recurse");
  if (depth > 1) recurse(depth - 1);
}

enum class colour : short { red = 7, green = -2 };
enum plain_enum { first = 1 };
enum class letter : char { a = 1, b = 66 };
enum class yes_no : bool { no = false, yes = true };
enum class wide : unsigned long long { all = ~0ULL };

struct point {
  int x, y;
};
std::string pyro_tag_value(const point& p) { return std::to_string(p.x) + "/" + std::to_string(p.y); }

enum class vehicle { car, bike };
const char* pyro_tag_value(vehicle v) { return v == vehicle::car ? "car" : nullptr; }

template <class T>
counts tagged_with(pyro::profiler& p, const T& value) {
  {
    PYRO_TAG("k", value);
    PYRO_SCOPE("s");
  }
  return calls_of(p.collect_now());
}

/// Frees what earlier tests left in the trees, so that a small budget means the same whatever ran before.
void forget_old_paths() {
  pyro::config c = counting_only();
  c.max_memory = 256 << 10;
  auto p = pyro::configure(c);
  for (int i = 0; i < 10; ++i) p.collect_now();
  { PYRO_SCOPE("forget"); }
  for (int i = 0; i < 10; ++i) p.collect_now();
}

}  // namespace

TEST_CASE("calls are counted exactly, by path") {
  auto p = pyro::configure(counting_only());
  REQUIRE(p);
  for (int i = 0; i < 3; ++i) {
    PYRO_SCOPE("outer");
    middle(i);
    leaf();
  }
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"outer", 3}, {"outer;middle", 3}, {"outer;middle;leaf", 3}, {"outer;leaf", 3}, {"leaf", 1}});
  REQUIRE(calls_of(p.collect_now()).empty());  // a window holds its own calls alone
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"leaf", 1}});
}

TEST_CASE("a window that ends inside a scope counts its entry, the next one does not") {
  auto p = pyro::configure(counting_only());
  PYRO_SCOPE("long");
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"long", 1}, {"long;leaf", 1}});
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"long;leaf", 1}});
}

TEST_CASE("recursion makes a path of its own for each level") {
  auto p = pyro::configure(counting_only());
  recurse(3);
  recurse(2);
  REQUIRE(calls_of(p.collect_now()) == counts{{"recurse", 2}, {"recurse;recurse", 2}, {"recurse;recurse;recurse", 1}});
}

TEST_CASE("a scope that alternates between parents is counted under each") {
  auto p = pyro::configure(counting_only());
  for (int i = 0; i < 1000; ++i) {
    if (i % 2 == 0) {
      PYRO_SCOPE("even");
      leaf();
    } else {
      PYRO_SCOPE("odd");
      leaf();
      leaf();
    }
  }
  REQUIRE(calls_of(p.collect_now()) == counts{{"even", 500}, {"odd", 500}, {"even;leaf", 500}, {"odd;leaf", 1000}});
}

TEST_CASE("two scopes and two tags in one block nest in the order they are written") {
  auto p = pyro::configure(counting_only());
  {
    PYRO_SCOPE("a");
    PYRO_TAG("x", "1");
    PYRO_SCOPE("b");
    PYRO_TAG("y", "2");
    PYRO_SCOPE("c");
  }
  REQUIRE(calls_of(p.collect_now()) == counts{{"a", 1}, {"a;b {x=1}", 1}, {"a;b;c {x=1,y=2}", 1}});
}

TEST_CASE("more sites and parents than the cache has places") {
  auto p = pyro::configure(counting_only());
  counts expected;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 900; ++i) {
      const std::string name = "n" + std::to_string(i);
      PYRO_SCOPE_DYNAMIC(name);
      leaf();
      ++expected[name];
      ++expected[name + ";leaf"];
    }
  REQUIRE(calls_of(p.collect_now()) == expected);
}

TEST_CASE("an inner tag hides the outer one of its key and gives it back") {
  auto p = pyro::configure(counting_only());
  {
    PYRO_TAG("vehicle", "car");
    leaf();
    {
      PYRO_TAG("vehicle", "bike");
      leaf();
      leaf();
    }
    leaf();
    PYRO_TAG("user", "u1");
    leaf();
  }
  leaf();
  REQUIRE(calls_of(p.collect_now()) ==
          counts{{"leaf {vehicle=car}", 2}, {"leaf {vehicle=bike}", 2}, {"leaf {user=u1,vehicle=car}", 1}, {"leaf", 1}});
}

TEST_CASE("a tag in one thread is never seen in another") {
  auto p = pyro::configure(counting_only());
  PYRO_TAG("owner", "main");
  std::thread other([] {
    leaf();
    PYRO_TAG("owner", "thread");
    leaf();
    std::thread([] { leaf(); }).join();
  });
  other.join();
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"leaf", 2}, {"leaf {owner=thread}", 1}, {"leaf {owner=main}", 1}});
}

TEST_CASE("a buffer that is used again with other content is another value") {
  auto p = pyro::configure(counting_only());
  static char reused[8] = "car";
  for (int i = 0; i < 6; ++i) {
    std::strcpy(reused, i % 3 == 0 ? "car" : "bike");
    PYRO_TAG("vehicle", reused);
    leaf();
  }
  char local[16];
  for (const char* text : {"one", "two", "one"}) {
    std::strcpy(local, text);
    PYRO_TAG("vehicle", local);
    leaf();
  }
  REQUIRE(calls_of(p.collect_now()) ==
          counts{{"leaf {vehicle=car}", 2}, {"leaf {vehicle=bike}", 4}, {"leaf {vehicle=one}", 2}, {"leaf {vehicle=two}", 1}});
}

TEST_CASE("values of equal length that differ in any one place are told apart") {
  auto p = pyro::configure(counting_only());
  counts expected;
  for (std::size_t at = 0; at < 40; ++at)
    for (int round = 0; round < 2; ++round) {
      std::string value(40, 'a');
      value[at] = 'b';
      PYRO_TAG("k", value);
      leaf();
      ++expected["leaf {k=" + value + "}"];
    }
  REQUIRE(calls_of(p.collect_now()) == expected);
}

TEST_CASE("a literal, a string and a view of the same content are one label") {
  auto p = pyro::configure(counting_only());
  const auto tagged = [](const auto& value) {
    PYRO_TAG("k", value);
    leaf();
  };
  {
    PYRO_TAG("k", "same");
    leaf();
  }
  tagged(std::string("same"));
  tagged(std::string_view("samesame", 4));
  tagged("same");
  tagged(static_cast<const char*>("same"));
  REQUIRE(calls_of(p.collect_now()) == counts{{"leaf {k=same}", 5}});
}

TEST_CASE("an array without a zero at its end is read to its end alone") {
  auto p = pyro::configure(counting_only());
  static const char full[3] = {'a', 'b', 'c'};
  static char changeable[2] = {'x', 'y'};
  {
    PYRO_TAG("k", full);
    leaf();
  }
  {
    PYRO_TAG("k", changeable);
    leaf();
  }
  REQUIRE(calls_of(p.collect_now()) == counts{{"leaf {k=abc}", 1}, {"leaf {k=xy}", 1}});
}

TEST_CASE("numbers, bool, enums and types with pyro_tag_value as values") {
  auto p = pyro::configure(counting_only());
  const auto is = [&p](const auto& value, const char* text) {
    INFO(text);
    CHECK(tagged_with(p, value) == counts{{std::string("s {k=") + text + "}", 1}});
  };
  is(0, "0");
  is(-1, "-1");
  is(2147483647, "2147483647");
  is(static_cast<int>(-2147483647 - 1), "-2147483648");
  is(static_cast<short>(-300), "-300");
  is(static_cast<unsigned char>(200), "200");
  is(static_cast<signed char>(-100), "-100");
  is(18446744073709551615ULL, "18446744073709551615");
  is(-9223372036854775807LL - 1, "-9223372036854775808");
  is(true, "true");
  is(false, "false");
  is('x', "x");
  is(first, "1");
  is(colour::red, "7");
  is(colour::green, "-2");
  is(wide::all, "18446744073709551615");
  is(letter::a, "1");
  is(letter::b, "66");
  is(yes_no::yes, "1");
  is(yes_no::no, "0");
  is(point{3, -4}, "3/-4");
  is(vehicle::car, "car");
}

TEST_CASE("null pointers, views of nothing and empty texts leave the tag out, the outer value stays") {
  auto p = pyro::configure(counting_only());
  PYRO_TAG("k", "outer");
  const counts outer{{"s {k=outer}", 1}};
  CHECK(tagged_with(p, static_cast<const char*>(nullptr)) == outer);
  CHECK(tagged_with(p, nullptr) == outer);
  CHECK(tagged_with(p, std::string_view()) == outer);
  CHECK(tagged_with(p, std::string()) == outer);
  CHECK(tagged_with(p, "") == outer);
  CHECK(tagged_with(p, vehicle::bike) == outer);
}

TEST_CASE("too long values are cut between characters and counted") {
  pyro::config c = counting_only();
  c.max_tag_length = 8;
  auto p = pyro::configure(c);
  // A thread of its own: the limit is a thread's from its first scope on.
  std::thread([] {
    const auto tagged = [](const std::string& value) {
      PYRO_TAG("k", value);
      leaf();
    };
    tagged("12345678");                      // just fits
    tagged("123456789");                     // one more
    tagged("1234567\xc3\xa9");               // two bytes across the limit
    tagged("123456\xe2\x82\xac");            // three
    tagged("12345\xf0\x9f\x94\xa5");         // four
    tagged("1234\xf0\x9f\x94\xa5");          // four, and it fits
    {
      PYRO_TAG("k", "a literal that is too long");
      leaf();
    }
    PYRO_SCOPE_DYNAMIC(std::string("dynamic name"));
    leaf();
  }).join();
  const pyro::profile w = p.collect_now();
  CHECK(calls_of(w) == counts{{"leaf {k=12345678}", 2},
                              {"leaf {k=1234567}", 1},
                              {"leaf {k=123456}", 1},
                              {"leaf {k=12345}", 1},
                              {"leaf {k=1234\xf0\x9f\x94\xa5}", 1},
                              {"leaf {k=a litera}", 1},
                              {"dynamic ", 1},
                              {"dynamic ;leaf", 1}});
  CHECK(w.lost.tag_cut == 6);
}

TEST_CASE("a value that is no UTF-8 at all is cut too, not lost") {
  pyro::config c = counting_only();
  c.max_tag_length = 8;
  auto p = pyro::configure(c);
  std::thread([] {
    PYRO_TAG("k", std::string(50, '\x80'));
    leaf();
  }).join();
  const counts calls = calls_of(p.collect_now());
  REQUIRE(calls.size() == 1);
  CHECK(calls.begin()->first.find("leaf {k=\x80") == 0);
}

TEST_CASE("a new limit of length holds for threads that were there before") {
  { auto p = pyro::configure(counting_only()); leaf(); }
  pyro::config c = counting_only();
  c.max_tag_length = 8;
  auto p = pyro::configure(c);
  PYRO_TAG("k", std::string("123456789"));
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"leaf {k=12345678}", 1}});
}

TEST_CASE("values beyond the limit of a key become other, are counted, and sums stay right") {
  forget_old_paths();
  pyro::config c = counting_only();
  c.max_tag_values = 10;
  auto p = pyro::configure(c);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 50; ++i) {
      PYRO_TAG("limited key", i);
      leaf();
    }
  {
    PYRO_TAG("free key", "v");
    leaf();
  }
  const pyro::profile w = p.collect_now();
  const counts calls = calls_of(w);
  INFO(pyro_test::print(calls));
  CHECK(calls.size() == 12);
  for (int i = 0; i < 10; ++i) CHECK(calls.at("leaf {limited key=" + std::to_string(i) + "}") == 2);
  CHECK(calls.at("leaf {limited key=[other]}") == 80);
  CHECK(calls.at("leaf {free key=v}") == 1);
  CHECK(w.lost.tag_values == 80);
  CHECK(sum(calls) == 101);
}

TEST_CASE("dynamic names have the same limit") {
  forget_old_paths();
  pyro::config c = counting_only();
  c.max_tag_values = 5;
  auto p = pyro::configure(c);
  for (int i = 0; i < 20; ++i) {
    PYRO_SCOPE_DYNAMIC("name " + std::to_string(i));
    leaf();
  }
  const pyro::profile w = p.collect_now();
  const counts calls = calls_of(w);
  INFO(pyro_test::print(calls));
  CHECK(calls.at("name 4;leaf") == 1);
  CHECK(calls.at("[other]") == 15);
  CHECK(calls.at("[other];leaf") == 15);
  CHECK(w.lost.tag_values == 15);
  CHECK(sum(calls) == 40);
}

TEST_CASE("past the byte budget calls go to the other row, are counted, and sums stay right") {
  forget_old_paths();
  pyro::config c = counting_only();
  c.max_memory = 1 << 20;
  c.max_tag_values = 100'000;
  auto p = pyro::configure(c);
  constexpr int entered = 20'000;
  const auto work = [] {
    for (int i = 0; i < entered; ++i) {
      PYRO_SCOPE("request");
      PYRO_TAG("row", i / 100);  // few values, many paths
      PYRO_TAG("column", i % 100);
      leaf();
    }
  };
  std::thread([&] {
    const auto before = p.stats().memory_bytes;
    work();
    CHECK(p.stats().memory_bytes <= before + c.max_memory);
    const pyro::profile w = p.collect_now();
    const counts calls = calls_of(w);
    CHECK(calls.size() > 1000);
    CHECK(calls.size() < entered);
    CHECK(sum(calls) == 2 * entered);  // two scopes a round; tags are no calls
    CHECK(calls.at("request") == entered);
    std::int64_t in_other = 0;
    for (const auto& r : calls) in_other += r.first.compare(0, 15, "request;[other]") == 0 ? r.second : 0;
    CHECK(in_other > 0);
    CHECK(w.lost.budget >= static_cast<std::uint64_t>(in_other));
    work();  // known paths go on as before, the others are still [other]
    CHECK(calls_of(p.collect_now()) == calls);
  }).join();
  std::thread(work).join();  // one that has ended when the window closes
  CHECK(sum(calls_of(p.collect_now())) == 2 * entered);
  p.stop();
  forget_old_paths();
}

TEST_CASE("texts past the byte budget become the other value") {
  forget_old_paths();
  pyro::config c = counting_only();
  c.max_memory = 1 << 20;
  c.max_tag_values = 100'000;
  auto p = pyro::configure(c);
  constexpr int entered = 20'000;
  std::thread([&] {
    for (int i = 0; i < entered; ++i) {
      PYRO_TAG("id", i);
      leaf();
    }
    const pyro::profile w = p.collect_now();
    const counts calls = calls_of(w);
    CHECK(calls.size() > 1000);
    CHECK(calls.size() < entered);
    CHECK(sum(calls) == entered);
    CHECK(w.lost.tag_values + w.lost.budget > 0);
  }).join();
  p.stop();
  forget_old_paths();
}

TEST_CASE("deeper than 1024 scopes is other, and all is normal again after") {
  auto p = pyro::configure(counting_only());
  constexpr int depth = 1500;
  struct dig {
    static void down(int left) {
      PYRO_SCOPE("dig");
      if (left > 1) down(left - 1);
    }
  };
  std::thread([] {
    dig::down(depth);
    leaf();
    dig::down(2);
  }).join();
  const pyro::profile w = p.collect_now();
  const counts calls = calls_of(w);
  std::string path;
  std::int64_t in_paths = 0;
  for (int i = 1; i <= 1024; ++i) {
    path += i == 1 ? "dig" : ";dig";
    const auto found = calls.find(path);
    REQUIRE(found != calls.end());
    REQUIRE(found->second == (i <= 2 ? 2 : 1));
    in_paths += found->second;
  }
  CHECK(calls.at(path + ";[other]") == depth - 1024);
  CHECK(calls.at("leaf") == 1);
  CHECK(calls.size() == 1026);
  CHECK(w.lost.budget == depth - 1024);
  CHECK(in_paths == 1026);
}

TEST_CASE("tags beyond the depth are no calls") {
  auto p = pyro::configure(counting_only());
  struct dig {
    static void down(int left) {
      PYRO_SCOPE("dig");
      if (left > 1) return down_in(left);
      for (int i = 0; i < 10; ++i) {
        PYRO_TAG("k", i);
        leaf();
      }
    }
    static void down_in(int left) { down(left - 1); }
  };
  std::thread([] { dig::down(1024); }).join();
  const counts calls = calls_of(p.collect_now());
  CHECK(sum(calls) == 1024 + 10);
}

TEST_CASE("exceptions leave the scopes that they pass") {
  auto p = pyro::configure(counting_only());
  const auto thrower = [](int depth) {
    const auto self = [](const auto& again, int left) -> void {
      PYRO_SCOPE("thrower");
      PYRO_TAG("left", left);
      if (left == 0) throw std::runtime_error("test");
      again(again, left - 1);
    };
    self(self, depth);
  };
  PYRO_SCOPE("catcher");
  for (int i = 0; i < 3; ++i) {
    try {
      thrower(2);
    } catch (const std::runtime_error&) {
      PYRO_SCOPE("handler");
    }
  }
  leaf();
  REQUIRE(calls_of(p.collect_now()) == counts{{"catcher", 1},
                                              {"catcher;thrower", 3},
                                              {"catcher;thrower;thrower {left=2}", 3},
                                              {"catcher;thrower;thrower;thrower {left=1}", 3},
                                              {"catcher;handler", 3},
                                              {"catcher;leaf", 1}});
}

namespace {

std::jmp_buf target;

volatile bool jumps = true;

__attribute__((noinline)) void jump_from(int depth) {
  PYRO_SCOPE("jumper");
  PYRO_TAG("tag", "jumped over");
  if (depth > 0) jump_from(depth - 1);
  else if (jumps) std::longjmp(target, 1);
}

__attribute__((noinline)) void jump_once() {
  if (setjmp(target) == 0) jump_from(5);
  PYRO_SCOPE("landed");
  leaf();
}

}  // namespace

TEST_CASE("scopes that longjmp skipped are gone") {
  auto p = pyro::configure(counting_only());
  PYRO_SCOPE("outer");
  for (int i = 0; i < 3; ++i) {
    jump_once();
    leaf();
  }
  const counts calls = calls_of(p.collect_now());
  INFO(pyro_test::print(calls));
  CHECK(calls.at("outer;landed") == 3);
  CHECK(calls.at("outer;landed;leaf") == 3);
  CHECK(calls.at("outer;leaf") == 3);
  CHECK(sum(calls) == 1 + 3 * 6 + 3 * 3);
}

TEST_CASE("dynamic names: strings, views, C strings, literals, equal ones are one scope") {
  auto p = pyro::configure(counting_only());
  for (int i = 0; i < 3; ++i) {
    const std::string name = i == 2 ? "other" : "job";
    PYRO_SCOPE_DYNAMIC(name);
    leaf();
  }
  {
    PYRO_SCOPE_DYNAMIC(std::string_view("jobs", 3));
  }
  {
    PYRO_SCOPE_DYNAMIC("job");
  }
  {
    PYRO_SCOPE_DYNAMIC(std::string());  // a scope is a scope, even without a name
  }
  {
    PYRO_SCOPE_DYNAMIC(static_cast<const char*>(nullptr));
    leaf();
  }
  REQUIRE(calls_of(p.collect_now()) ==
          counts{{"job", 4}, {"other", 1}, {"job;leaf", 2}, {"other;leaf", 1}, {"[unnamed]", 1}, {"leaf", 1}});
}

TEST_CASE("a scope without a name is named after its function") {
  auto p = pyro::configure(counting_only());
  struct shop {
    static void open() { PYRO_SCOPE(); }
  };
  shop::open();
  const counts calls = calls_of(p.collect_now());
  REQUIRE(calls.size() == 1);
  const std::string& name = calls.begin()->first;
  INFO(name);
  CHECK(name.find("shop::open") != std::string::npos);
  CHECK(name.find('(') != 0);
  CHECK(name.find("static") == std::string::npos);
  CHECK(name.back() == 'n');
}

TEST_CASE("functions carry file and line, and the mapping of their module") {
  auto p = pyro::configure(counting_only());
  const int line = __LINE__ + 1;
  { PYRO_SCOPE("here"); }
  const pyro::profile w = p.collect_now();
  REQUIRE(w.samples.size() == 1);
  const pyro::frame& f = w.frames[w.stacks[w.samples[0].stack].frame];
  CHECK(w.text(w.functions[f.function].file) == __FILE__);
  CHECK(f.line == line);
  CHECK(f.kind == pyro::frame_kind::scope);
  REQUIRE(f.mapping < w.mappings.size());
  CHECK_FALSE(w.text(w.mappings[f.mapping].filename).empty());
}

TEST_CASE("a thread's name is the label thread, of live threads and of those that ended") {
  auto p = pyro::configure(counting_only());
  std::thread([] {
    leaf();  // also what came before the name
    PYRO_THREAD("worker 1");
    leaf();
  }).join();
  std::thread([] {
    PYRO_THREAD(std::string("worker 2"));
    PYRO_TAG("thread", "a tag wins");
    leaf();
  }).join();
  std::thread([] {
    PYRO_THREAD(std::string(100, 'x'));
    leaf();
  }).join();
  std::thread([] { leaf(); }).join();  // a slot used again does not keep its name
  std::thread live([&p] {
    PYRO_THREAD("live");
    leaf();
    CHECK(calls_of(p.collect_now()) == counts{{"leaf {thread=worker 1}", 2},
                                              {"leaf {thread=a tag wins}", 1},
                                              {"leaf {thread=" + std::string(63, 'x') + "}", 1},
                                              {"leaf", 1},
                                              {"leaf {thread=live}", 1}});
  });
  live.join();
  std::thread([] { leaf(); }).join();
  CHECK(calls_of(p.collect_now()) == counts{{"leaf", 1}});
}

TEST_CASE("threads of one kind add up, whether they live or have ended") {
  auto p = pyro::configure(counting_only());
  for (int round = 0; round < 5; ++round)
    for (int i = 0; i < 20; ++i)
      std::thread([] {
        PYRO_SCOPE("short");
        PYRO_TAG("k", "v");
        leaf();
      }).join();
  REQUIRE(calls_of(p.collect_now()) == counts{{"short", 100}, {"short;leaf {k=v}", 100}});
}

TEST_CASE("without a profiler, and while one is paused, nothing is counted") {
  leaf();
  auto p = pyro::configure(counting_only());
  leaf();
  p.pause();
  leaf();
  PYRO_SCOPE("begun while paused");
  p.resume();
  leaf();
  CHECK(calls_of(p.collect_now()) == counts{{"leaf", 2}});
  p.stop();
  leaf();
  auto again = pyro::configure(counting_only());
  CHECK(calls_of(again.collect_now()).empty());
}

}  // namespace call_tree_test
