// Folded stacks: names that readers would misread, sums, order. What flamegraph.pl's own pattern makes of each line is checked.
#include <pyro/encode/folded.hpp>

#include "golden.hpp"
#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace folded_test {

using namespace pyro;
using namespace pyro_test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string one(const std::string& name) {
  profile_maker m;
  m.row({"root", name}, {}, 0, 1);
  return encode_folded(m.get());
}

}  // namespace

TEST_CASE("folded: the golden files") {
  const std::string text = encode_folded(rideshare());
  REQUIRE(text == golden("rideshare.folded", text));
  folded_options options;
  options.labels = true;
  const std::string split = encode_folded(rideshare(), options);
  REQUIRE(split == golden("rideshare.labels.folded", split));
}

TEST_CASE("equal stacks under different labels are one line with the sum") {
  profile_maker m;
  m.row({"main", "f"}, {{"vehicle", "car"}}, 1, 1);
  m.row({"main", "f"}, {{"vehicle", "bike"}}, 1, 2);
  REQUIRE(encode_folded(m.get()) == "main;f 30000000\n");
}

TEST_CASE("on request labels are frames at the root, sorted by key, without those of the process") {
  profile_maker m;
  m.get().static_tags = {{"region", "eu"}};
  m.row({"main"}, {{"vehicle", "car"}, {"b;c", "x\ny"}}, 1, 1);
  m.row({"main"}, {}, 1, 2);
  folded_options options;
  options.labels = true;
  REQUIRE(encode_folded(m.get(), options) == "b:c=x y;vehicle=car;main 10000000\nmain 20000000\n");
}

TEST_CASE("the sample type can be chosen; an unknown one means the default") {
  folded_options options;
  options.type = "calls";
  REQUIRE(lines_of(encode_folded(rideshare(), options)).at(0) == "main 1");
  options.type = "no such type";
  REQUIRE(encode_folded(rideshare(), options) == encode_folded(rideshare()));
}

TEST_CASE("rows of value 0 are left out, and nothing is nothing") {
  profile_maker m;
  m.row({"f"}, {}, 5, 0);
  REQUIRE(encode_folded(m.get()).empty());
  REQUIRE(encode_folded(profile()).empty());
}

TEST_CASE("separators and control characters in names are replaced") {
  REQUIRE(one("a;b") == "root;a:b 10000000\n");
  REQUIRE(one("two\nlines\r\tx") == "root;two lines  x 10000000\n");
  REQUIRE(one("\x1b[31m") == "root;[31m 10000000\n");
  REQUIRE(one(std::string("a\0b", 3)) == "root;a b 10000000\n");
  REQUIRE(one("bad \xff") == "root;bad \xef\xbf\xbd 10000000\n");
  REQUIRE(one("\xe6\xbc\xa2") == "root;\xe6\xbc\xa2 10000000\n");
}

TEST_CASE("a number at the end of a name would be read as a value: its space becomes an underscore") {
  REQUIRE(one("worker 3") == "root;worker_3 10000000\n");
  REQUIRE(one("load 2.5") == "root;load_2.5 10000000\n");
  REQUIRE(one("a 1 2") == "root;a 1_2 10000000\n");
  REQUIRE(one("worker3") == "root;worker3 10000000\n");
  REQUIRE(one("3") == "root;3 10000000\n");
  REQUIRE(one("3rd worker") == "root;3rd worker 10000000\n");
}

TEST_CASE("spaces at the ends go, and a frame is never empty") {
  REQUIRE(one(" x ") == "root;x 10000000\n");
  REQUIRE(one("  ") == "root;[unknown] 10000000\n");
  REQUIRE(one("") == "root;[unknown] 10000000\n");
  profile_maker m;
  m.row({}, {}, 0, 1);
  REQUIRE(encode_folded(m.get()) == "[unknown] 10000000\n");
}

TEST_CASE("a nameless frame shows its linker name or its address") {
  profile_maker m;
  function f;
  frame at;
  at.address = 0x7f00deadbeef;
  at.function = m.builder().add_function(f);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  f.system_name = m.builder().text("_Z1fv");
  at.function = m.builder().add_function(f);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 2});
  REQUIRE(encode_folded(m.get()) == "0x7f00deadbeef 1\n_Z1fv 2\n");
}

TEST_CASE("random profiles: sorted, each line once, read by the readers' pattern with the right sum and depth") {
  const std::regex readers("(.*)\\s+?(\\d+(?:\\.\\d*)?)");  // flamegraph.pl's, applied to the whole line
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const profile p = random_profile(seed);
    for (const bool labels : {false, true}) {
      folded_options options;
      options.labels = labels;
      const std::vector<std::string> lines = lines_of(encode_folded(p, options));
      std::vector<std::string> stacks;
      std::int64_t sum = 0;
      for (const std::string& line : lines) {
        std::smatch parts, again;
        REQUIRE(std::regex_match(line, parts, readers));
        const std::string stack = parts[1];
        REQUIRE_FALSE(std::regex_match(stack, again, readers));  // else it is taken for a differential
        REQUIRE(stack.find(";;") == std::string::npos);
        REQUIRE(stack.front() != ';');
        REQUIRE(stack.back() != ';');
        stacks.push_back(stack);
        sum += std::stoll(parts[2]);
      }
      REQUIRE(std::is_sorted(stacks.begin(), stacks.end()));
      REQUIRE(std::adjacent_find(stacks.begin(), stacks.end()) == stacks.end());
      REQUIRE(sum == p.total(2));
    }
  }
}

}  // namespace folded_test
