// The report for people: golden outputs, sums, width, and names that could break a terminal. With its parts: units, UTF-8,
// call tree.
#include <pyro/encode/text.hpp>

#include "golden.hpp"
#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <clocale>
#include <cstdint>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace text_test {

using namespace pyro;
using namespace pyro::detail;
using namespace pyro_test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

std::string line_with(const std::string& text, const std::string& part) {
  for (const std::string& line : lines_of(text))
    if (line.find(part) != std::string::npos) return line;
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The numbers in a column of the table whose head begins with `title`; column 1 is the first after the name.
std::vector<std::int64_t> column_of(const std::string& text, const std::string& title, std::size_t column) {
  std::vector<std::int64_t> out;
  bool inside = false;
  for (const std::string& line : lines_of(text)) {
    if (line.empty()) inside = false;
    if (line.compare(0, title.size() + 4, "  " + title + "  ") == 0) {
      inside = true;
      continue;
    }
    if (!inside || has(line, "----")) continue;
    // Cells are two spaces apart; names of these profiles hold none.
    std::vector<std::string> cells;
    std::string cell;
    for (std::size_t i = 2; i <= line.size(); ++i) {
      if (i == line.size() || line.compare(i, 2, "  ") == 0) {
        if (!cell.empty()) cells.push_back(cell);
        cell.clear();
      } else if (!(cell.empty() && line[i] == ' ')) {
        cell += line[i];
      }
    }
    std::string digits;
    for (const char c : cells.at(column))
      if (c != ',') digits += c;
    out.push_back(std::stoll(digits));
  }
  return out;
}

std::int64_t sum(const std::vector<std::int64_t>& values) {
  std::int64_t total = 0;
  for (const std::int64_t v : values) total += v;
  return total;
}

}  // namespace

TEST_CASE("text: the golden file") {
  const std::string text = encode_text(rideshare());
  REQUIRE(text == golden("rideshare.txt", text));
}

TEST_CASE("text: the golden file in ASCII") {
  text_options options;
  options.unicode = false;
  const std::string text = encode_text(rideshare(), options);
  REQUIRE(text == golden("rideshare.ascii.txt", text));
  for (const char c : text) REQUIRE(static_cast<unsigned char>(c) < 0x80);
}

TEST_CASE("the header tells losses only where there are any") {
  profile p = rideshare();
  REQUIRE(line_with(encode_text(p), "  lost ") ==
          "  lost      3 samples (ring full), 1,234 calls (to [other]: memory budget or depth)");
  p.lost = losses();
  REQUIRE_FALSE(has(encode_text(p), "  lost "));
  p.lost.handler_replaced = 1;
  REQUIRE(has(encode_text(p), "1 window (another SIGPROF handler)"));
}

TEST_CASE("the header tells how far native stacks reach, where some were walked") {
  profile p = rideshare();
  REQUIRE_FALSE(has(encode_text(p), "  stacks "));
  p.native.complete = 1000;
  REQUIRE(line_with(encode_text(p), "  stacks ") == "  stacks    100 % complete");
  p.native.complete = 99'999;
  p.native.no_rows = 1;
  REQUIRE(line_with(encode_text(p), "  stacks ") == "  stacks    99.9 % complete, truncated: 1 sample (no unwind information)");
  p.native = {100, 2, 3, 4, 5, 6};
  REQUIRE(has(encode_text(p), "91.7 % complete, truncated: 2 samples (no unwind information),"));
  REQUIRE(detail::format_native(p.native) ==
          "91.7 % complete, truncated: 2 samples (no unwind information), 3 samples (the stack's end not known, or left), "
          "4 samples (more than 512 frames), 5 samples (by frame pointers, where there is no unwind information), "
          "6 samples (scopes of other stacks, placed by order)");
}

TEST_CASE("frames that only lead on to one other are not indented, scopes are") {
  profile_maker m;
  m.row({"_start", "main", "handle", "scope", "inner"}, {}, 0, 5);
  m.row({"_start", "main", "handle", "scope"}, {}, 3, 0);
  m.row({"_start", "main", "handle", "scope", "other"}, {}, 0, 2);
  text_options options;
  options.unicode = false;
  const std::string text = encode_text(m.get(), options);
  for (const char* line : {"\n  _start ", "\n  > main ", "\n  > handle ", "\n  > scope ", "\n  |- inner ", "\n  `- other "}) REQUIRE(has(text, line));
}

TEST_CASE("calls are divided into CPU time only where all samples of a scope are at one place") {
  profile_maker m;
  m.row({"main", "path1", "step"}, {}, 5000, 80);
  m.row({"main", "path2", "step"}, {}, 0, 20);
  m.row({"main", "alone"}, {}, 10, 10);
  text_options options;
  options.unicode = false;
  const std::string text = encode_text(m.get(), options);
  REQUIRE(line_with(text, "  |  > step   800 ms") == "  |  > step   800 ms   72.7  5,000");
  REQUIRE(line_with(text, "  `- alone ") == "  `- alone    100 ms    9.1     10     10.0 ms");
  REQUIRE(line_with(text, "  step ") == "  step       1.00 s     90.9    1.00 s      90.9  5,000      200 us");  // of all its places
}

TEST_CASE("a program without scopes has no columns of calls") {
  profile_maker m;
  m.row({"main", "f"}, {{"tag", "value"}}, 0, 80);
  REQUIRE_FALSE(has(encode_text(m.get()), "calls"));
}

TEST_CASE("native frames are shown by their short names") {
  profile_maker m;
  pyro::function f;
  f.name = m.builder().text("void shop::cart<shop::item, std::allocator<shop::item> >::add(shop::item const&)");
  f.system_name = m.builder().text("_ZN4shop4cartI");
  pyro::frame native;
  native.function = m.builder().add_function(f);
  native.kind = pyro::frame_kind::native;
  m.row(m.builder().add_stack(pyro::no_stack, m.builder().add_frame(native)), {}, {0, 1, 10'000'000});
  REQUIRE(has(encode_text(m.get()), "shop::cart<...>::add "));
}

TEST_CASE("every cause of loss has words") {
  losses all;
  std::uint64_t* const counts[] = {&all.ring_full, &all.foreign_signal, &all.handler_replaced, &all.timer_failed, &all.budget,
                                   &all.tag_values, &all.tag_cut, &all.threads, &all.stacks};
  static_assert(sizeof(losses) == sizeof counts / sizeof counts[0] * sizeof(std::uint64_t), "a new cause needs words");
  for (std::uint64_t* count : counts) {
    *count = 2;
    REQUIRE(format_losses(all).compare(0, 2, "2 ") == 0);
    *count = 0;
    REQUIRE(format_losses(all).empty());
  }
}

TEST_CASE("a program too short for samples still shows its calls") {
  profile_maker m;
  m.row({"main"}, {}, 1, 0);
  m.row({"main", "f"}, {}, 1'000, 0);
  const std::string text = encode_text(m.get());
  REQUIRE(has(text, "no sample was taken"));
  REQUIRE(has(line_with(text, "\xe2\x94\x94\xe2\x94\x80 f"), "1,000"));
  REQUIRE_FALSE(has(encode_text(rideshare()), "no sample was taken"));
}

TEST_CASE("an empty profile says so; one without types says nothing") {
  REQUIRE(has(encode_text(profile_maker().get()), "nothing was measured"));
  REQUIRE(encode_text(profile()).empty());
}

TEST_CASE("small nodes are summed up: how many and how much") {
  profile_maker m;
  m.row({"big"}, {}, 1, 1'000);
  for (int i = 0; i < 4; ++i) m.row({"small" + std::to_string(i)}, {}, 1, 2);
  const std::string text = encode_text(m.get());
  const std::string tree = text.substr(0, text.find("Function"));
  REQUIRE(line_with(tree, "4 more below 0.5 %") == "  \xe2\x80\xa6 4 more below 0.5 %  80.0 ms   0.8");
  REQUIRE_FALSE(has(tree, "small0"));
  text_options all;
  all.min_share = 0;
  REQUIRE(has(encode_text(m.get(), all).substr(0, text.find("Function")), "small0"));
}

TEST_CASE("long lists end with what is left") {
  profile_maker m;
  for (int i = 0; i < 30; ++i) m.row({"f" + std::to_string(i)}, {{"user", std::to_string(i)}}, 1, 10);
  text_options options;
  options.functions = 10;
  options.tag_values = 5;
  options.tree_lines = 7;
  const std::string text = encode_text(m.get(), options);
  REQUIRE(has(line_with(text, "20 more"), "2.00 s"));
  REQUIRE(has(line_with(text, "25 more"), "2.50 s"));
  REQUIRE(has(text, "the tree goes on"));
  REQUIRE_FALSE(has(text.substr(0, text.find("Function")), "f16 "));
}

TEST_CASE("recursion: the total of a function counts once, its calls all") {
  profile_maker m;
  m.row({"f"}, {}, 1, 1);
  m.row({"f", "g"}, {}, 2, 10);
  m.row({"f", "g", "f"}, {}, 4, 100);
  m.row({"f", "g", "f", "f"}, {}, 8, 1'000);
  const call_tree tree = make_call_tree(m.get(), 1, 0);
  const std::vector<function_total> all = totals_by_function(tree);
  REQUIRE(all.size() == 2);
  REQUIRE(tree.names[all[0].name] == "f");
  REQUIRE(all[0].self == 1'101);
  REQUIRE(all[0].total == 1'111);
  REQUIRE(all[0].calls == 13);
  REQUIRE(all[1].self == 10);
  REQUIRE(all[1].total == 1'110);
}

TEST_CASE("frames of one name below one parent are one node, wherever they are in the code") {
  profile_maker m;
  function f;
  f.name = m.builder().text("memcpy");
  frame at;
  at.function = m.builder().add_function(f);
  at.kind = frame_kind::native;
  for (at.address = 0x100; at.address < 0x104; ++at.address)
    m.row(m.builder().add_stack(m.stack({"main"}), m.builder().add_frame(at)), {}, {0, 1, 1});
  const call_tree tree = make_call_tree(m.get(), 1, 0);
  REQUIRE(tree.nodes.size() == 3);
  REQUIRE(tree.nodes[0].total == 4);
}

TEST_CASE("stacks of any depth: no recursion, lines stay within the width") {
  profile_maker m;
  profile_maker::names deep;
  for (int i = 0; i < 20'000; ++i) deep.push_back("level" + std::to_string(i % 7));
  m.row(deep, {}, 1, 1);
  for (std::ptrdiff_t depth = 1; depth < 60; ++depth) m.row(profile_maker::names(deep.begin(), deep.begin() + depth), {}, 0, 1);
  const std::string text = encode_text(m.get());
  for (const std::string& line : lines_of(text)) REQUIRE(display_width(line) <= 120);
  REQUIRE(has(text, "+1 level"));
  REQUIRE(has(text, "the tree goes on"));
}

TEST_CASE("random profiles: the tables add up to the profile, by every tag as well") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    profile p = random_profile(seed);
    p.sample_types[2].unit = "count";  // printed exactly
    for (std::string& s : p.strings)   // names that the test can take apart
      for (char& c : s)
        if (c == ' ' || static_cast<unsigned char>(c) < 0x20) c = '_';
    text_options options;
    options.unicode = false;
    options.min_share = 0;
    options.width = 1'000;
    options.functions = options.tag_values = options.tree_lines = 1'000'000;
    const std::string text = encode_text(p, options);
    REQUIRE(sum(column_of(text, "Function", 1)) == p.total(2));
    const call_tree tree = make_call_tree(p, 2, 0);
    REQUIRE(tree.nodes[0].total == p.total(2));
    for (const std::string& line : lines_of(text))
      if (line.compare(0, 6, "  Tag ") == 0) {
        const std::string title = line.substr(2, line.find("  ", 2) - 2);
        REQUIRE(sum(column_of(text, title, 1)) == p.total(2));
      }
  }
}

TEST_CASE("random profiles: every line is within the width, valid, without control characters or spaces at its end") {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    for (const std::size_t width : {80U, 120U}) {
      text_options options;
      options.width = width;
      profile p = random_profile(seed);
      p.static_tags = {{"a", std::string(60, 'y')}, {"b", "x"}, {"c\n", "\x1b]0;title\a"}, {"d", std::string(50, 'z')}};
      for (const std::string& line : lines_of(encode_text(p, options))) {
        REQUIRE(display_width(line) <= width);
        REQUIRE(utf8_repair(line) == line);
        REQUIRE((line.empty() || line.back() != ' '));
        for (std::size_t i = 0; i < line.size(); i += utf8_decode(line, i).bytes)
          REQUIRE_FALSE(is_control(utf8_decode(line, i).code));
      }
    }
  }
}

TEST_CASE("the program's locale changes nothing") {
  const std::string before = encode_text(rideshare());
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") == nullptr) std::setlocale(LC_ALL, "C.UTF-8");
  const std::string after = encode_text(rideshare());
  std::setlocale(LC_ALL, "C");
  REQUIRE(before == after);
}

TEST_CASE("other sample types are shown in their own units") {
  profile_maker m;
  m.get().sample_types = {{"inuse_space", "bytes"}};
  m.row(m.stack({"f"}), {}, {3 << 20});
  const std::string text = encode_text(m.get());
  REQUIRE(has(text, "inuse_space"));
  REQUIRE(has(line_with(text, "  f"), "3.00 MiB"));
  REQUIRE_FALSE(has(text, "calls"));
}

// --- units ---

TEST_CASE("durations have three digits and the unit that fits") {
  const std::map<std::int64_t, std::string> expected{{0, "0"},
                                                     {1, "1 ns"},
                                                     {999, "999 ns"},
                                                     {1'000, "1.00 us"},
                                                     {1'234, "1.23 us"},
                                                     {9'994, "9.99 us"},
                                                     {9'995, "10.0 us"},
                                                     {45'649, "45.6 us"},
                                                     {99'949, "99.9 us"},
                                                     {99'950, "100 us"},
                                                     {789'000, "789 us"},
                                                     {999'499, "999 us"},
                                                     {999'500, "1.00 ms"},
                                                     {1'230'000'000, "1.23 s"},
                                                     {999'499'999'999, "999 s"},
                                                     {999'500'000'000, "16.7 min"},
                                                     {59'970'000'000'000, "16.7 h"},
                                                     {360'000'000'000'000, "100 h"},
                                                     {-1'500, "-1.50 us"},
                                                     {std::numeric_limits<std::int64_t>::max(), "2,562,048 h"},
                                                     {std::numeric_limits<std::int64_t>::min(), "-2,562,048 h"}};
  for (const auto& e : expected) REQUIRE(format_duration(e.first) == e.second);
}

TEST_CASE("bytes, counts and shares") {
  REQUIRE(format_bytes(0) == "0 B");
  REQUIRE(format_bytes(1'023) == "1,023 B");
  REQUIRE(format_bytes(1'024) == "1.00 KiB");
  REQUIRE(format_bytes(1'536) == "1.50 KiB");
  REQUIRE(format_bytes(20 << 20) == "20.0 MiB");
  REQUIRE(format_bytes((std::int64_t{1} << 30) - 1) == "1.00 GiB");
  REQUIRE(format_bytes(-2'048) == "-2.00 KiB");
  REQUIRE(format_bytes(std::numeric_limits<std::int64_t>::max()) == "8,388,608 TiB");
  REQUIRE(format_count(0) == "0");
  REQUIRE(format_count(999) == "999");
  REQUIRE(format_count(1'000) == "1,000");
  REQUIRE(format_count(1'234'567) == "1,234,567");
  REQUIRE(format_count(-123) == "-123");
  REQUIRE(format_count(-1'234) == "-1,234");
  REQUIRE(format_share_error(50, 2'843) == "1.9");  // 1.96 * sqrt(0.25 / 2843) = 1.838 %, never understated
  REQUIRE(format_share_error(10, 2'843) == "1.2");
  REQUIRE(format_share_error(50, 1) == "98.0");
  REQUIRE(format_share_error(50, 9604) == "1.0");
  REQUIRE(format_percent(1, 3) == "33.3");
  REQUIRE(format_percent(2, 3) == "66.7");
  REQUIRE(format_percent(0, 3) == "0.0");
  REQUIRE(format_percent(3, 3) == "100.0");
  REQUIRE(format_percent(1, 100'000) == "<0.1");
  REQUIRE(format_percent(-1, 2) == "-50.0");
  REQUIRE(format_percent(1, 0).empty());
}

TEST_CASE("dates, also before 1970 and in leap years") {
  REQUIRE(format_time(0) == "1970-01-01 00:00:00 UTC");
  REQUIRE(format_time(1'795'529'700'000'000'000) == "2026-11-24 14:15:00 UTC");
  REQUIRE(format_time(951'782'400'000'000'000) == "2000-02-29 00:00:00 UTC");
  REQUIRE(format_time(1'709'164'799'999'999'999) == "2024-02-28 23:59:59 UTC");
  REQUIRE(format_time(-1) == "1969-12-31 23:59:59 UTC");
  REQUIRE(format_time(4'102'444'800'000'000'000) == "2100-01-01 00:00:00 UTC");
}

// --- UTF-8 ---

TEST_CASE("bytes that are no UTF-8 are replaced one by one") {
  const std::string mark = "\xef\xbf\xbd";
  REQUIRE(utf8_repair("plain") == "plain");
  REQUIRE(utf8_repair("\xc3\xbc \xe6\xbc\xa2 \xf0\x9f\x94\xa5") == "\xc3\xbc \xe6\xbc\xa2 \xf0\x9f\x94\xa5");
  REQUIRE(utf8_repair("a\xff z") == "a" + mark + " z");
  REQUIRE(utf8_repair("\xc3") == mark);
  REQUIRE(utf8_repair("\xe2\x82") == mark + mark);
  REQUIRE(utf8_repair("\xc0\xaf") == mark + mark);              // overlong
  REQUIRE(utf8_repair("\xe0\x80\xaf") == mark + mark + mark);   // overlong
  REQUIRE(utf8_repair("\xed\xa0\x80") == mark + mark + mark);   // surrogate
  REQUIRE(utf8_repair("\xf4\x90\x80\x80") == mark + mark + mark + mark);  // past U+10FFFF
  REQUIRE(utf8_repair("\xf0\x80\x80\x80") == mark + mark + mark + mark);  // overlong
  REQUIRE(utf8_repair("\xf4\x8f\xbf\xbf") == "\xf4\x8f\xbf\xbf");
  REQUIRE(utf8_repair(std::string("a\0b", 3)) == std::string("a\0b", 3));
}

TEST_CASE("every code point survives a round trip and no surrogate does") {
  for (std::uint32_t code = 0x80; code <= 0x10ffff; code += 7) {
    std::string s;
    if (code < 0x800) {
      s += static_cast<char>(0xc0 | code >> 6);
    } else if (code < 0x10000) {
      s += static_cast<char>(0xe0 | code >> 12);
      s += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    } else {
      s += static_cast<char>(0xf0 | code >> 18);
      s += static_cast<char>(0x80 | (code >> 12 & 0x3f));
      s += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    }
    s += static_cast<char>(0x80 | (code & 0x3f));
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if ((utf8_decode(s, 0).code == code) == surrogate) FAIL("code point " << code);
  }
}

TEST_CASE("width on a terminal") {
  REQUIRE(display_width("abc") == 3);
  REQUIRE(display_width("f\xc3\xbcr") == 3);
  REQUIRE(display_width("\xe6\xbc\xa2\xe5\xad\x97") == 4);
  REQUIRE(display_width("e\xcc\x81") == 1);
  REQUIRE(display_width("\xf0\x9f\x94\xa5") == 2);
}

TEST_CASE("long names lose their middle, never half a character") {
  REQUIRE(elide("abcdef", 6) == "abcdef");
  REQUIRE(elide("abcdefg", 6) == "abc\xe2\x80\xa6" "fg");
  REQUIRE(elide("abcdefg", 6, "...") == "ab...g");
  REQUIRE(elide("abcdefg", 1) == "\xe2\x80\xa6");
  const std::string wide = "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97";
  REQUIRE(elide(wide, 6) == "\xe6\xbc\xa2\xe2\x80\xa6\xe5\xad\x97");
  std::string all;
  for (const std::string& n : awkward_names()) all += one_line(n);
  for (std::size_t columns = 1; columns < 80; ++columns) {
    const std::string cut = elide(all, columns);
    REQUIRE(display_width(cut) <= columns);
    REQUIRE(display_width(cut) + 2 >= columns);
    REQUIRE(utf8_repair(cut) == cut);
  }
}

}  // namespace text_test
