// The report's page: what it holds is compared with sums over the profiles by brute force; bounds, hostile names, windows of several processes.
#include <pyro/core/abi.hpp>
#include <pyro/encode/html.hpp>

#include "golden.hpp"
#include "make_profile.hpp"
#include "page_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace html_test {

using namespace pyro;
using namespace pyro_test;

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t start = 1'795'529'700 * second;

/// Type, tags, begin of the window in ms, path.
using cell = std::tuple<std::string, std::map<std::string, std::string>, std::uint64_t, std::string>;
using cells = std::map<cell, std::uint64_t>;

std::string path_of(const profile& p, std::uint32_t stack) {
  if (stack == no_stack) return "y [unknown]";
  std::string out;
  for (std::uint32_t s = stack; s != no_stack; s = p.stacks[s].parent) {
    const frame& f = p.frames[p.stacks[s].frame];
    const char* kind = f.kind == frame_kind::scope ? "s " : f.kind == frame_kind::native ? "n " : "y ";
    const std::string step = kind + detail::report_text(detail::frame_name(p, f));
    out = out.empty() ? step : step + '/' + out;
  }
  return out;
}

/// By brute force. `also`: tags that are not the same in all profiles.
void add_to(cells& out, const profile& p, const std::map<std::string, std::string>& also = {}) {
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    std::map<std::string, std::string> tags = also;
    for (const auto& l : detail::labels_of(p, p.samples[row].labels, false)) tags[detail::report_text(l.first)] = detail::report_text(l.second);
    for (std::size_t c = 0; c < p.sample_types.size(); ++c)
      if (const std::int64_t v = p.values_of(row)[c]; v > 0)
        out[{p.sample_types[c].type + "/" + p.sample_types[c].unit, tags, static_cast<std::uint64_t>(p.time_ns / 1'000'000), path_of(p, p.samples[row].stack)}] +=
            static_cast<std::uint64_t>(v);
  }
}

cells cells_of(const page& p) {
  cells out;
  for (const page_row& r : p.rows) out[{p.type(r.type), r.tags, p.header["windows"][r.window][0].number(), p.path(r.node)}] += r.value;
  return out;
}

std::map<std::string, std::uint64_t> totals(const cells& all) {
  std::map<std::string, std::uint64_t> out;
  for (const auto& c : all) out[std::get<0>(c.first)] += c.second;
  return out;
}

page page_of(const html_report& r) { return read_page_data(r.data()); }

/// The first difference, for a message; empty where there is none.
std::string difference(const cells& a, const cells& b) {
  for (const auto* pair : {&a, &b})
    for (const auto& c : *pair) {
      const cells& other = pair == &a ? b : a;
      const auto found = other.find(c.first);
      if (found != other.end() && found->second == c.second) continue;
      std::string out = (pair == &a ? "page: " : "profiles: ") + std::get<0>(c.first) + " window " + std::to_string(std::get<2>(c.first)) + " " + std::get<3>(c.first) + " = " + std::to_string(c.second);
      for (const auto& t : std::get<1>(c.first)) out += " {" + t.first + "=" + t.second + "}";
      return out + (found == other.end() ? "; the other has none" : "; the other has " + std::to_string(found->second));
    }
  return {};
}

bool has_note(const page& p, const std::string& part) {
  for (const std::string& n : p.header["notes"].texts())
    if (n.find(part) != std::string::npos) return true;
  return false;
}

profile window(std::int64_t number, std::int64_t samples = 1, std::int64_t length = 10 * second) {
  profile_maker m;
  if (samples != 0) m.row({"main"}, {}, 1, samples);
  m.get().time_ns = start + number * length;
  m.get().duration_ns = length;
  return m.get();
}

/// Compression off while it lives: another file of this program has included zlib.hpp.
struct uncompressed {
  compressor before = detail::compressor_slot.exchange(nullptr);
  ~uncompressed() { detail::compressor_slot.store(before); }
};

}  // namespace

TEST_CASE("html: the golden file, and the header by hand") {
  html_report r;
  r.add(rideshare());
  REQUIRE(r.data() == golden("rideshare.page-data.bin", r.data()));
  const page p = page_of(r);
  const json& h = p.header;
  REQUIRE(h["title"].text == "ride-sharing-app");
  REQUIRE(h["producer"].text == "pyro " PYRO_VERSION);
  REQUIRE(h["engine"].text == "thread_timers");
  REQUIRE(h["period"].number() == 10'000'000);
  REQUIRE(h["static_tags"].size() == 2);
  REQUIRE(h["static_tags"][0].texts() == std::vector<std::string>{"region", "eu-north"});
  REQUIRE(h["windows"].size() == 1);
  REQUIRE(h["windows"][0][0].number() == 1'795'529'700'000);
  REQUIRE(h["windows"][0][1].number() == 26'000);
  REQUIRE(h["types"].size() == 3);
  REQUIRE(p.type(h["default_type"].number()) == "cpu/nanoseconds");
  REQUIRE(h["types"][2]["scale"].number() == 10'000'000);
  REQUIRE(h["tags"].size() == 2);
  REQUIRE(h["tags"][1]["values"].texts() == std::vector<std::string>{"bike", "car", "scooter"});
  REQUIRE(h["lost"][0].texts()[0] == "samples, ring full");
  REQUIRE(h["lost"][0][1].number() == 3);
  REQUIRE(h["native"].kind == 'n');
  REQUIRE(h["own"]["cpu_ns"].number() == 12'345'678);
  REQUIRE(h["notes"].size() == 0);
  cells expected;
  add_to(expected, rideshare());
  REQUIRE(difference(cells_of(p), expected) == "");
}

TEST_CASE("html: the page is the template with the data in it, compressed or not, in parts or whole") {
  html_report r;
  r.add(rideshare());
  const std::string zipped = r.str();
  REQUIRE(data_of_page(zipped) == r.data());
  REQUIRE(encode_html(rideshare()) == zipped);
  REQUIRE(zipped.find("data-enc=\"gzip\">") != std::string::npos);
  const uncompressed off;
  const std::string raw = r.str();
  REQUIRE(raw.find("data-enc=\"raw\">") != std::string::npos);
  REQUIRE(data_of_page(raw) == r.data());
  std::string parts;
  std::size_t count = 0, longest = 0;
  r.write([&](std::string_view part) {
    parts += part;
    longest = std::max(longest, part.size());
    ++count;
  });
  REQUIRE(parts == raw);
  REQUIRE(count > 3);
  REQUIRE(longest <= 16'384);
}

TEST_CASE("html: what the page shows first") {
  html_options o;
  o.view = "view=diff&left.tag.vehicle=car";
  html_report r(o);
  r.add(rideshare());
  REQUIRE(page_of(r).header["view"].text == o.view);
}

TEST_CASE("html: base64 of every remainder, and across its parts") {
  for (const std::size_t size : std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 12'287, 12'288, 12'289, 40'000}) {
    std::string bytes, text;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 7 + i / 251);
    detail::base64(bytes, [&](std::string_view part) { text += part; });
    REQUIRE(from_base64(text) == bytes);
  }
  std::string text;
  detail::base64("foobar", [&](std::string_view part) { text += part; });
  REQUIRE(text == "Zm9vYmFy");  // RFC 4648, section 10
}

TEST_CASE("html: random profiles, several processes: every sum by type, tags, window and stack") {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    html_options o;
    o.max_tag_values = 100;  // more than there are
    html_report r(o);
    cells expected;
    std::set<std::int64_t> begins;
    for (std::uint32_t i = 0; i < 1 + seed % 7; ++i) {
      profile p = random_profile(seed * 100 + i, 30 + seed % 50);
      const std::string region = i % 2 == 0 ? "eu" : "us";
      if (seed % 3 != 0) p.static_tags = {{"region", region}, {"zone", "1"}};
      begins.insert(p.time_ns);
      r.add(p);
      std::map<std::string, std::string> also;
      if (seed % 3 != 0 && seed % 7 != 0) also["region"] = region;
      add_to(expected, p, also);
    }
    const page p = page_of(r);
    REQUIRE(p.header["windows"].size() == begins.size());
    REQUIRE(difference(cells_of(p), expected) == "");
    REQUIRE(p.header["notes"].size() == 0);
    REQUIRE(p.header["static_tags"].size() == (seed % 3 == 0 ? 0U : seed % 7 == 0 ? 2U : 1U));
    REQUIRE(r.data() == r.data());
  }
}

TEST_CASE("html: the same profiles in another order give the same page") {
  std::vector<profile> all;
  for (std::uint32_t i = 0; i < 12; ++i) {
    all.push_back(random_profile(i));
    all.back().time_ns = start + i * 10 * second;  // profiles of one process do not begin at the same time
  }
  const auto page_data = [&] {
    html_report r;
    for (const profile& p : all) r.add(p);
    return cells_of(page_of(r));
  };
  const cells first = page_data();
  std::reverse(all.begin(), all.end());
  REQUIRE(difference(page_data(), first) == "");
}

TEST_CASE("html: nothing, an idle window, stacks without frames") {
  html_report nothing;
  page p = page_of(nothing);
  REQUIRE(p.rows.empty());
  REQUIRE(p.header["title"].text == "profile");
  REQUIRE(p.header["nodes"].number() == 1);

  html_report idle;
  idle.add(window(0, 0));
  p = page_of(idle);
  REQUIRE(p.rows.empty());
  REQUIRE(p.header["windows"].size() == 1);
  REQUIRE(p.header["types"].size() == 3);
  profile elsewhere = window(0, 0);
  elsewhere.static_tags = {{"region", "us"}};
  html_report two;
  two.add(elsewhere);
  REQUIRE(page_of(two).header["static_tags"].size() == 1);
  elsewhere.static_tags = {{"region", "eu"}};
  two.add(elsewhere);
  REQUIRE(page_of(two).header["static_tags"].size() == 0);

  profile_maker m;
  m.row(no_stack, {}, {1, 2, 3});
  html_report empty;
  empty.add(m.get());
  p = page_of(empty);
  REQUIRE(p.rows.size() == 3);
  REQUIRE(p.path(p.rows[0].node) == "y [unknown]");
}

TEST_CASE("html: hostile names stay what they are, as text") {
  const std::string script = "</script><script>alert(1)</script>";
  const std::string turned = "abc\xe2\x80\xae" "fed";
  std::string longest;
  for (int i = 0; i < 3000; ++i) longest += "ab<";
  profile_maker m;
  m.get().application = script;
  m.get().static_tags = {{script, "\"'&<>"}};
  for (const std::string& n : {script, turned, longest, std::string("nul\0l", 5), std::string("a\nb\x7f\xc2\x85"), std::string("bad\xff")})
    m.row({"main", n}, {{script + n, n}}, 1, 1);
  html_report r;
  r.add(m.get());
  const page p = page_of(r);  // holds names against the layout's rules
  REQUIRE(p.header["title"].text == script);
  const std::vector<std::string> names = p.header["names"].texts();
  const auto has = [&](const std::string& n) { return std::find(names.begin(), names.end(), n) != names.end(); };
  REQUIRE(has(script));
  REQUIRE(has("abc\\u202efed"));
  REQUIRE(has("nul\\x00l"));
  REQUIRE(has("a\\nb\\x7f\\x85"));
  REQUIRE(has("bad\xef\xbf\xbd"));
  REQUIRE(r.str().find("alert(1)") == std::string::npos);
}

TEST_CASE("html: one name in two kinds is two nodes; places come from the first that has one") {
  profile_maker m;
  profile_builder& b = m.builder();
  mapping lib;
  lib.memory_start = 1;
  lib.filename = b.text("/usr/lib/libfoo.so.1");
  const std::uint32_t in_lib = b.add_mapping(lib);
  const auto leaf = [&](frame_kind kind, const char* file, std::int64_t line) {
    function f;
    f.name = b.text("work");
    f.file = b.text(file);
    f.start_line = line;
    frame fr;
    fr.function = b.add_function(f);
    fr.kind = kind;
    fr.mapping = kind == frame_kind::native ? in_lib : 0;
    return b.add_stack(no_stack, b.add_frame(fr));
  };
  m.row(leaf(frame_kind::native, "", 0), {}, {0, 1, 10});
  m.row(leaf(frame_kind::native, "work.cpp", 7), {}, {0, 1, 10});
  m.row(leaf(frame_kind::scope, "scope.cpp", 9), {}, {1, 1, 10});
  html_report r;
  r.add(m.get());
  const page p = page_of(r);
  REQUIRE(p.header["kinds"].text == "-ns");
  REQUIRE(p.header["nodes"].number() == 3);
  const auto place = [&](std::size_t name, std::size_t what) { return p.header["places"][3 * name + what].number(); };
  REQUIRE(p.header["modules"][place(1, 0)].text == "libfoo.so.1");
  REQUIRE(p.header["files"][place(1, 1)].text == "work.cpp");
  REQUIRE(place(1, 2) == 7);
  REQUIRE(place(2, 0) == 0);
  REQUIRE(p.header["files"][place(2, 1)].text == "scope.cpp");
}

TEST_CASE("html: types of foreign profiles by name and unit; negative values are left out, and said") {
  profile_maker a, b;
  a.row(a.stack({"main"}), {}, {1, 2, 20});
  b.get().sample_types = {{"inuse_space", "bytes"}, {"cpu", "nanoseconds"}, {"cpu", "seconds"}};
  b.row(b.stack({"main"}), {}, {-5, 7, 3});
  html_report r;
  r.add(a.get());
  r.add(b.get());
  const page p = page_of(r);
  REQUIRE(p.totals() == std::map<std::string, std::uint64_t>{{"calls/count", 1}, {"samples/count", 2}, {"cpu/nanoseconds", 27}, {"cpu/seconds", 3}});
  REQUIRE(p.header["types"].size() == 5);
  REQUIRE(p.type(p.header["default_type"].number()) == "cpu/nanoseconds");
  REQUIRE(has_note(p, "1 negative value is left out"));
}

TEST_CASE("html: three regions that begin within half a window are on one timeline; windows of one process stay apart") {
  html_report r;
  const char* regions[] = {"eu-north", "us-east", "ap-south"};
  for (int w = 0; w < 5; ++w)
    for (int i = 0; i < 3; ++i) {
      profile p = window(w, 1 + i);
      p.static_tags = {{"region", regions[i]}, {"team", "rides"}};
      p.time_ns += (i - 1) * 2 * second;
      r.add(p);
    }
  page p = page_of(r);
  REQUIRE(p.header["windows"].size() == 5);
  REQUIRE(p.header["tags"].size() == 1);
  REQUIRE(p.header["tags"][0]["values"].texts() == std::vector<std::string>{"ap-south", "eu-north", "us-east"});
  REQUIRE(p.header["static_tags"].size() == 1);
  for (std::size_t w = 0; w < 5; ++w) {
    std::uint64_t samples = 0;
    for (const page_row& row : p.rows)
      if (row.window == w && p.type(row.type) == "samples/count") samples += row.value;
    REQUIRE(samples == 6);
  }

  html_report one;
  profile first = window(0, 1, 3 * second), next = window(0, 1);  // the first one is shorter: windows are aligned
  next.time_ns = first.time_ns + first.duration_ns;
  one.add(first);
  one.add(next);
  REQUIRE(page_of(one).header["windows"].size() == 2);
}

TEST_CASE("html: several programs can be chosen by service_name; one is the title alone") {
  profile a = window(0), b = window(0);
  a.application = "rides";
  b.application = "trips";
  html_report r;
  r.add(a);
  REQUIRE(page_of(r).header["tags"].size() == 0);
  r.add(b);
  const page p = page_of(r);
  REQUIRE(p.header["title"].text == "rides, trips");
  REQUIRE(p.header["tags"][0]["key"].text == "service_name");
  REQUIRE(p.header["tags"][0]["values"].texts() == std::vector<std::string>{"rides", "trips"});
}

TEST_CASE("html: a label of a row goes before the process's tag of that key, which then is no tag of the page") {
  profile_maker m;
  m.get().static_tags = {{"region", "eu"}};
  m.row({"main"}, {{"region", "us"}}, 1, 1);
  m.row({"main"}, {}, 1, 1);
  html_report r;
  r.add(m.get());
  const page p = page_of(r);
  REQUIRE(p.header["static_tags"].size() == 0);
  REQUIRE(p.header["tags"][0]["values"].texts() == std::vector<std::string>{"eu", "us"});
}

TEST_CASE("html: the tag values of most CPU time are shown, the others are [other]") {
  profile_maker m;
  for (int i = 1; i <= 40; ++i) m.row({"main"}, {{"vehicle", "v" + std::to_string(i)}}, (1000 - i) * second, i);  // more calls, less CPU time
  m.row({"main"}, {{"vehicle", "[other]"}}, 1, 7);
  html_options o;
  o.max_tag_values = 5;
  html_report r(o);
  r.add(m.get());
  const page p = page_of(r);
  REQUIRE(p.header["tags"][0]["values"].texts() == std::vector<std::string>{"v36", "v37", "v38", "v39", "v40", "[other]"});
  REQUIRE(p.header["tags"][0]["left_out"].number() == 35);
  REQUIRE(has_note(p, "Of the tag vehicle the 5 values with the most CPU time are shown; 35 others are [other]."));
  std::map<std::string, std::uint64_t> samples;
  for (const page_row& row : p.rows)
    if (p.type(row.type) == "samples/count") samples[row.tags.at("vehicle")] += row.value;
  REQUIRE(samples == std::map<std::string, std::uint64_t>{{"v36", 36}, {"v37", 37}, {"v38", 38}, {"v39", 39}, {"v40", 40}, {"[other]", 35 * 36 / 2 + 7}});
}

TEST_CASE("html: tag values without end, over many windows: bounded, and the heavy ones are exact") {
  html_options o;
  o.max_tag_values = 10;
  html_report r(o);
  std::uint64_t heavy = 0, all = 0;
  for (int w = 0; w < 50; ++w) {
    profile_maker m;
    m.get().time_ns = start + w * 10 * second;
    for (int i = 0; i < 40; ++i) {
      m.row({"main"}, {{"order", std::to_string(w * 40 + i)}}, 1, 1);
      ++all;
    }
    for (int i = 0; i < 5; ++i) m.row({"main"}, {{"order", "heavy" + std::to_string(i)}}, 1, 20);
    heavy += 20;
    all += 100;
    r.add(m.get());
  }
  const page p = page_of(r);
  REQUIRE(p.header["tags"][0]["values"].size() == 11);
  REQUIRE(p.header["tags"][0]["left_out"].number() == 2000 + 5 - 10);
  std::map<std::string, std::uint64_t> samples;
  std::uint64_t sum = 0;
  for (const page_row& row : p.rows)
    if (p.type(row.type) == "samples/count") sum += row.value, samples[row.tags.at("order")] += row.value;
  REQUIRE(sum == all);
  for (int i = 0; i < 5; ++i) REQUIRE(samples["heavy" + std::to_string(i)] == heavy);
}

TEST_CASE("html: past the largest number of nodes the lightest go to [other] below what called them") {
  html_options o;
  o.max_nodes = 100;
  html_report r(o);
  cells expected;
  std::mt19937 random(7);
  for (int w = 0; w < 20; ++w) {
    profile_maker m;
    m.get().time_ns = start + w * 10 * second;
    m.row({"main", "hot", "hotter"}, {}, 10, 1000);
    for (int i = 0; i < 60; ++i) m.row({"main", "f" + std::to_string(random() % 200), "g" + std::to_string(random() % 50)}, {}, 1, 1);
    add_to(expected, m.get());
    r.add(m.get());
  }
  const page p = page_of(r);
  REQUIRE(p.header["nodes"].number() <= 100);
  REQUIRE(p.totals() == totals(expected));
  REQUIRE(has_note(p, "what is lighter is in [other] below what called it"));
  std::map<std::string, std::uint64_t> by_path, true_by_path;
  std::map<std::uint64_t, std::uint64_t> by_window, true_by_window;
  for (const page_row& row : p.rows)
    if (p.type(row.type) == "samples/count") {
      by_window[p.header["windows"][row.window][0].number()] += row.value;
      for (std::size_t n = row.node; n != 0; n = p.parent[n]) by_path[p.path(n)] += row.value;
    }
  for (const auto& c : expected)
    if (std::get<0>(c.first) == "samples/count") {
      true_by_window[std::get<2>(c.first)] += c.second;
      const std::string& path = std::get<3>(c.first);
      for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
        true_by_path[path.substr(0, end)] += c.second;
        if (end == std::string::npos) break;
      }
    }
  REQUIRE(by_window == true_by_window);
  for (const char* kept : {"s main", "s main/s hot", "s main/s hot/s hotter"}) REQUIRE(by_path[kept] == true_by_path[kept]);
  REQUIRE(by_path["s main/y [other]"] > 0);
  for (const auto& n : by_path) {
    if (n.first.find("[other]") != std::string::npos) continue;
    INFO(n.first);
    REQUIRE(n.second <= true_by_path[n.first]);
  }
}

TEST_CASE("html: past the largest number of windows those that follow each other are merged; a month is evenly long windows") {
  html_options o;
  o.max_windows = 60;
  html_report r(o);
  constexpr int windows = 5000;
  for (int w = 0; w < windows; ++w) {
    profile p = window(w, 1 + w % 3);
    p.time_ns += (w % 7 - 3) * 1'000'000;  // not quite on time
    r.add(p);
  }
  const page p = page_of(r);
  const json& list = p.header["windows"];
  REQUIRE(list.size() <= 60);
  REQUIRE(list.size() >= 30);
  std::uint64_t longest = 0, shortest = ~std::uint64_t{0};
  for (std::size_t w = 1; w + 1 < list.size(); ++w) {
    longest = std::max(longest, list[w][1].number());
    shortest = std::min(shortest, list[w][1].number());
    REQUIRE(list[w][0].number() + 9'000 > list[w - 1][0].number() + list[w - 1][1].number());
  }
  REQUIRE(longest < shortest + 100);
  REQUIRE(p.totals()["calls/count"] == windows);
  REQUIRE(has_note(p, "5,000 windows were merged into "));
  // What a window says it holds, it holds.
  std::map<std::size_t, std::uint64_t> calls;
  for (const page_row& row : p.rows)
    if (p.type(row.type) == "calls/count") calls[row.window] += row.value;
  for (std::size_t w = 1; w + 1 < list.size(); ++w) {
    INFO(w);
    REQUIRE(calls[w] == (list[w][1].number() + 5'000) / 10'000);
  }
}

TEST_CASE("html: windows far apart and in any order are merged as well") {
  html_options o;
  o.max_windows = 10;
  html_report r(o);
  for (int i = 0; i < 200; ++i) r.add(window(i * 7919 % 200 * 8640));  // a window a day
  const page p = page_of(r);
  REQUIRE(p.header["windows"].size() <= 10);
  REQUIRE(p.header["windows"].size() >= 5);
  REQUIRE(p.totals()["calls/count"] == 200);
  for (const std::int64_t time : {std::int64_t{0}, INT64_MAX, INT64_MIN, std::int64_t{-1}}) {
    profile odd = window(0);
    odd.time_ns = time;
    odd.duration_ns = time;
    r.add(odd);
  }
  REQUIRE(page_of(r).totals()["calls/count"] == 204);
}

TEST_CASE("html: random profiles against tight limits: sums stay, the page stays within them") {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    html_options o;
    o.max_nodes = 16 + random() % 100;
    o.max_rows = 64 + random() % 300;
    o.max_windows = 1 + random() % 10;
    o.max_tag_values = 1 + random() % 8;
    html_report r(o);
    cells expected;
    for (std::uint32_t i = 0; i < 20; ++i) {
      const profile p = random_profile(seed * 1000 + i, 60);
      add_to(expected, p);
      r.add(p);
    }
    const page p = page_of(r);
    REQUIRE(p.totals() == totals(expected));
    REQUIRE(p.header["nodes"].number() <= o.max_nodes);
    REQUIRE(p.header["windows"].size() <= o.max_windows);
    REQUIRE(p.rows.size() <= o.max_rows);
    for (const json& t : p.header["tags"].items) REQUIRE(t["values"].size() <= o.max_tag_values + 1);
    REQUIRE(p.header["notes"].size() > 0);
  }
}

TEST_CASE("html: very deep stacks, very large values, too many keys and types") {
  html_options o;
  html_report r(o);
  {
    profile_maker m;
    std::uint32_t at = no_stack;
    for (int i = 0; i < 100'000; ++i) {
      function f;
      f.name = m.builder().text("f" + std::to_string(i % 3));
      frame fr;
      fr.function = m.builder().add_function(f);
      at = m.builder().add_stack(at, m.builder().add_frame(fr));
      if (i % 1000 == 0) m.row(at, {}, {0, 0, 1});
    }
    m.row(at, {}, {0, 0, 5});
    r.add(m.get());
    const page p = page_of(r);
    REQUIRE(p.totals() == std::map<std::string, std::uint64_t>{{"cpu/nanoseconds", 105}});
    REQUIRE(*std::max_element(p.depth.begin(), p.depth.end()) == 8193);
    REQUIRE(has_note(p, "deeper than 8,192 frames"));
  }
  html_report large;
  {
    profile_maker m;
    m.row(m.stack({"a"}), {}, {INT64_MAX, INT64_MAX, INT64_MAX});
    m.row(m.stack({"b"}), {}, {INT64_MIN, 1, 1 << 20});
    large.add(m.get());
    large.add(m.get());
    const page p = page_of(large);  // no number above 2^53 - 1
    REQUIRE(has_note(p, "cut to the largest number"));
    REQUIRE(has_note(p, "2 negative values are left out"));
  }
  html_report many;
  {
    profile_maker m;
    m.get().sample_types.clear();
    for (int i = 0; i < 100; ++i) m.get().sample_types.push_back({"t" + std::to_string(i), "count"});
    const std::vector<std::int64_t> ones(100, 1);
    for (int i = 0; i < 300; ++i) m.row(m.stack({"a"}), {{"key" + std::to_string(i), "x"}}, ones);
    many.add(m.get());
    const page p = page_of(many);
    REQUIRE(p.header["types"].size() == 64);
    REQUIRE(p.header["tags"].size() == 63);  // service_name is the title
    for (const auto& t : p.totals()) REQUIRE(t.second == 300);
    REQUIRE(has_note(p, "too many types"));
    REQUIRE(has_note(p, "too many tags"));
  }
}

}  // namespace html_test
