// Merging windows: sums never change, whatever the limits; indices are right; memory is bounded.
#include <pyro/encode/names.hpp>
#include <pyro/model/merge.hpp>

#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace merge_test {

using namespace pyro;
using namespace pyro_test;

namespace {

/// Everything a row says, as text: two profiles mean the same where these maps are equal.
std::map<std::string, std::vector<std::int64_t>> rows_of(const profile& p) {
  std::map<std::string, std::vector<std::int64_t>> out;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    std::string key;
    detail::for_each_frame(p, p.samples[row].stack, [&](const frame& f) {
      const function& fn = p.functions.at(f.function);
      key += p.strings.at(fn.name) + '\1' + p.strings.at(fn.system_name) + '\1' + p.strings.at(fn.file) + '\1' +
             std::to_string(fn.start_line) + '\1' + std::to_string(f.line) + '\1' + std::to_string(f.address) + '\1' +
             std::to_string(static_cast<int>(f.kind)) + '\1' + p.strings.at(p.mappings.at(f.mapping).filename) + '\2';
    });
    key += '\3';
    for (const label& l : p.label_sets.at(p.samples[row].labels))
      key += p.strings.at(l.key) + '\1' + p.strings.at(l.value) + '\2';
    auto& values = out[key];
    REQUIRE(values.empty());  // rows are distinct
    values.assign(p.values_of(row), p.values_of(row) + p.sample_types.size());
  }
  return out;
}

std::map<std::string, std::vector<std::int64_t>> sum_of(const std::vector<profile>& all) {
  std::map<std::string, std::vector<std::int64_t>> out;
  for (const profile& p : all)
    for (const auto& row : rows_of(p)) {
      auto& sum = out[row.first];
      sum.resize(row.second.size());
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += row.second[i];
    }
  return out;
}

std::vector<std::int64_t> totals(const profile& p) {
  std::vector<std::int64_t> out;
  for (std::size_t c = 0; c < p.sample_types.size(); ++c) out.push_back(p.total(c));
  return out;
}

void require_well_formed(const profile& p) {
  REQUIRE(p.values.size() == p.samples.size() * p.sample_types.size());
  for (const mapping& m : p.mappings) REQUIRE((m.filename < p.strings.size() && m.build_id < p.strings.size()));
  for (const function& f : p.functions)
    REQUIRE((f.name < p.strings.size() && f.system_name < p.strings.size() && f.file < p.strings.size()));
  for (const frame& f : p.frames) REQUIRE((f.function < p.functions.size() && f.mapping < p.mappings.size()));
  for (std::size_t i = 0; i < p.stacks.size(); ++i)
    REQUIRE((p.stacks[i].frame < p.frames.size() && (p.stacks[i].parent == no_stack || p.stacks[i].parent < i)));
  for (const label_set& set : p.label_sets)
    for (const label& l : set) REQUIRE((l.key < p.strings.size() && l.value < p.strings.size()));
  for (const sample& s : p.samples)
    REQUIRE((s.labels < p.label_sets.size() && (s.stack == no_stack || s.stack < p.stacks.size())));
}

std::string leaf_of(const profile& p, std::size_t row) {
  return p.text(p.functions[p.frames[p.stacks[p.samples[row].stack].frame].function].name);
}

}  // namespace

TEST_CASE("merging into nothing gives the same profile") {
  const profile p = rideshare();
  profile into;
  merge(into, p);
  require_well_formed(into);
  REQUIRE(rows_of(into) == rows_of(p));
  REQUIRE(into.application == p.application);
  REQUIRE(into.static_tags == p.static_tags);
  REQUIRE(into.engine == "thread_timers");
  REQUIRE(into.time_ns == p.time_ns);
  REQUIRE(into.duration_ns == p.duration_ns);
  REQUIRE(into.period == p.period);
  REQUIRE(into.period_type.type == "cpu");
  REQUIRE(into.sample_types.back().type == "cpu");
  REQUIRE(into.lost.ring_full == 3);
  REQUIRE(into.cost.cpu_ns == p.cost.cpu_ns);
}

TEST_CASE("rows of random windows add up, in any order") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    std::vector<profile> windows;
    for (std::uint32_t i = 0; i < 6; ++i) windows.push_back(random_profile(seed * 100 + i));
    profile_run run;
    for (const profile& w : windows) run.add(w);
    require_well_formed(run.result());
    REQUIRE(run.windows() == 6);
    REQUIRE(rows_of(run.result()) == sum_of(windows));
    REQUIRE(run.result().lost.stacks == 0);

    profile backwards;
    for (std::size_t i = windows.size(); i-- > 0;) merge(backwards, windows[i]);
    REQUIRE(rows_of(backwards) == sum_of(windows));
    REQUIRE(backwards.time_ns == run.result().time_ns);
    REQUIRE(backwards.duration_ns == run.result().duration_ns);
  }
}

TEST_CASE("merging the same windows again adds values and no rows") {
  profile_run run;
  for (int i = 0; i < 3; ++i) run.add(rideshare());
  const profile once = rideshare();
  REQUIRE(run.result().samples.size() == once.samples.size());
  REQUIRE(run.result().strings.size() <= once.strings.size());
  REQUIRE(run.result().mappings.size() == 1);
  REQUIRE(run.result().total(2) == 3 * once.total(2));
}

TEST_CASE("the time range is the union, losses and CPU cost are summed, memory is the largest") {
  profile_maker first, second;
  first.get().time_ns = 1'000;
  first.get().duration_ns = 100;
  second.get().time_ns = 1'150;
  second.get().duration_ns = 50;
  losses& a = first.get().lost;
  losses& b = second.get().lost;
  a = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  b = {10, 20, 30, 40, 50, 60, 70, 80, 90};
  first.get().native = {1, 2, 3, 4, 5, 6};
  second.get().native = {10, 20, 30, 40, 50, 60};
  first.get().cost = {5, 700};
  second.get().cost = {6, 300};
  second.get().period = 20'000'000;
  second.get().engine = "observer";
  profile into;
  merge(into, second.get());
  merge(into, first.get());
  REQUIRE(into.time_ns == 1'000);
  REQUIRE(into.duration_ns == 200);
  REQUIRE(into.lost.ring_full == 11);
  REQUIRE(into.lost.foreign_signal == 22);
  REQUIRE(into.lost.handler_replaced == 33);
  REQUIRE(into.lost.timer_failed == 44);
  REQUIRE(into.lost.budget == 55);
  REQUIRE(into.lost.tag_values == 66);
  REQUIRE(into.lost.tag_cut == 77);
  REQUIRE(into.native.complete == 11);
  REQUIRE(into.native.no_rows == 22);
  REQUIRE(into.native.out_of_bounds == 33);
  REQUIRE(into.native.too_deep == 44);
  REQUIRE(into.native.guessed == 55);
  REQUIRE(into.native.by_order == 66);
  REQUIRE(into.lost.threads == 88);
  REQUIRE(into.lost.stacks == 99);
  REQUIRE(into.cost.cpu_ns == 11);
  REQUIRE(into.cost.memory_bytes == 700);
  REQUIRE(into.period == 20'000'000);
  REQUIRE(into.engine == "observer, thread_timers");
  merge(into, first.get());
  REQUIRE(into.engine == "observer, thread_timers");
}

TEST_CASE("a window within the run does not shorten it") {
  profile_maker outer, inner;
  outer.get().time_ns = 1'000;
  outer.get().duration_ns = 1'000;
  inner.get().time_ns = 1'200;
  inner.get().duration_ns = 100;
  profile into;
  merge(into, outer.get());
  merge(into, inner.get());
  REQUIRE(into.time_ns == 1'000);
  REQUIRE(into.duration_ns == 1'000);
}

TEST_CASE("windows with other sample types: columns are matched by type and unit, the default stays last") {
  profile_maker cpu, wall;
  wall.get().sample_types = {{"cpu", "nanoseconds"}, {"wall", "nanoseconds"}, {"samples", "count"}};
  cpu.row({"f"}, {}, 7, 2);
  wall.row(wall.stack({"f"}), {}, {5, 100, 3});
  profile into;
  merge(into, cpu.get());
  merge(into, wall.get());
  REQUIRE(into.sample_types.size() == 4);
  REQUIRE(into.sample_types.back().type == "cpu");
  REQUIRE(into.samples.size() == 1);
  REQUIRE(into.total(static_cast<std::size_t>(into.column("cpu"))) == 20'000'005);
  REQUIRE(into.total(static_cast<std::size_t>(into.column("wall"))) == 100);
  REQUIRE(into.total(static_cast<std::size_t>(into.column("samples"))) == 5);
  REQUIRE(into.total(static_cast<std::size_t>(into.column("calls"))) == 7);
  merge(into, cpu.get());
  REQUIRE(into.total(static_cast<std::size_t>(into.column("calls"))) == 14);
  require_well_formed(into);
}

TEST_CASE("past any limit rows go to [other] under their labels, and sums stay") {
  std::vector<profile> windows;
  std::vector<std::int64_t> expected(3);
  for (std::uint32_t i = 0; i < 30; ++i) {
    windows.push_back(random_profile(1000 + i, 60));
    for (std::size_t c = 0; c < 3; ++c) expected[c] += windows.back().total(c);
  }
  merge_limits few_rows, few_stacks, few_bytes, nothing;
  few_rows.rows = 100;
  few_stacks.stacks = 50;
  few_bytes.string_bytes = 3'000;
  nothing.rows = nothing.stacks = nothing.string_bytes = 0;
  for (const merge_limits& limits : {few_rows, few_stacks, few_bytes, nothing}) {
    profile_run run(limits);
    for (const profile& w : windows) run.add(w);
    const profile& p = run.result();
    REQUIRE(totals(p) == expected);
    REQUIRE(p.lost.stacks > 0);
    REQUIRE(p.samples.size() <= limits.rows + limits.rows / 8 + 1);
    if (limits.stacks < 1'000) REQUIRE(p.stacks.size() <= limits.stacks + 8);
    std::size_t bytes = 0;
    for (const std::string& s : p.strings) bytes += s.size();
    if (limits.string_bytes < 10'000) REQUIRE(bytes <= limits.string_bytes + limits.string_bytes / 8 + 2'000);
    if (limits.rows != 0) require_well_formed(p);
  }
}

TEST_CASE("[other] keeps the labels, and rows already known go on counting") {
  merge_limits limits;
  limits.rows = 2;
  profile_maker a, b;
  a.row({"main"}, {{"vehicle", "car"}}, 1, 1);
  a.row({"main"}, {{"vehicle", "bike"}}, 1, 1);
  b.row({"main"}, {{"vehicle", "car"}}, 10, 10);
  b.row({"new"}, {{"vehicle", "car"}}, 5, 5);
  b.row({"newer"}, {{"vehicle", "car"}}, 6, 6);
  limits.rows = 16;  // with an eighth on top for [other]
  for (int i = 0; i < 14; ++i) a.row({"filler" + std::to_string(i)}, {}, 0, 1);
  profile_run run(limits);
  run.add(a.get());
  REQUIRE(run.result().samples.size() == 16);
  run.add(b.get());
  const profile& p = run.result();
  REQUIRE(p.samples.size() == 17);
  REQUIRE(p.lost.stacks == 2);
  REQUIRE(p.values_of(0)[0] == 11);
  REQUIRE(leaf_of(p, 16) == "[other]");
  REQUIRE(p.frames[p.stacks[p.samples[16].stack].frame].kind == frame_kind::synthetic);
  REQUIRE(p.stacks[p.samples[16].stack].parent == no_stack);
  REQUIRE(p.values_of(16)[0] == 11);
  REQUIRE(p.samples[16].labels == p.samples[0].labels);
  for (const function& f : p.functions) REQUIRE(p.text(f.name).compare(0, 3, "new") != 0);
}

TEST_CASE("endless new label values end in [other] without labels") {
  merge_limits limits;
  limits.rows = 80;
  profile_run run(limits);
  for (int w = 0; w < 100; ++w) {
    profile_maker m;
    for (int i = 0; i < 10; ++i) m.row({"f"}, {{"user", std::to_string(w * 10 + i)}}, 1, 1);
    run.add(m.get());
  }
  REQUIRE(run.result().total(0) == 1'000);
  REQUIRE(run.result().samples.size() == 91);
  REQUIRE(run.result().lost.stacks == 920);
  const sample& last = run.result().samples.back();
  REQUIRE(run.result().label_sets[last.labels].empty());
  REQUIRE(run.result().strings.size() < 120);
}

TEST_CASE("mappings go along, the main binary first, and are bounded too") {
  profile_run run;
  merge_limits limits;
  limits.string_bytes = 10'000;
  profile_run bounded(limits);
  for (std::uint64_t w = 0; w < 200; ++w) {
    profile_maker m;
    mapping plugin;
    plugin.memory_start = 0x7000'0000 + w * 0x1000;
    plugin.memory_limit = plugin.memory_start + 0x1000;
    plugin.filename = m.builder().text("/usr/lib/plugin.so");
    m.builder().add_mapping(plugin);
    m.row({"f" + std::to_string(w)}, {}, 1, 0);
    run.add(m.get());
    bounded.add(m.get());
  }
  REQUIRE(run.result().mappings.size() == 201);
  REQUIRE(run.result().text(run.result().mappings[0].filename) == "/usr/bin/rideshare");
  REQUIRE(run.result().text(run.result().mappings[0].build_id) == "0123456789abcdef");
  REQUIRE(bounded.result().mappings.size() < 46);
  REQUIRE(bounded.result().lost.stacks > 100);
  REQUIRE(bounded.result().total(0) == 200);
}

TEST_CASE("native frames are told apart by address and mapping") {
  profile_maker m;
  mapping other;
  other.filename = m.builder().text("/usr/lib/libc.so.6");
  const std::uint32_t libc = m.builder().add_mapping(other);
  function f;
  f.name = m.builder().text("memcpy");
  frame at;
  at.function = m.builder().add_function(f);
  at.kind = frame_kind::native;
  for (const std::uint32_t where : {0U, libc}) {
    at.mapping = where;
    for (const std::uint64_t address : {0x401000U, 0x401010U}) {
      at.address = address;
      m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
    }
  }
  profile into;
  merge(into, rideshare());
  merge(into, m.get());
  REQUIRE(into.mappings.size() == 2);
  REQUIRE(into.samples.size() == rideshare().samples.size() + 4);
  require_well_formed(into);
}

TEST_CASE("a window that lists mappings in another order means the same ones") {
  const auto window = [](bool turned) {
    profile_maker m;
    mapping libs[2];
    libs[0].filename = m.builder().text("/usr/lib/a.so");
    libs[1].filename = m.builder().text("/usr/lib/b.so");
    frame at;
    at.kind = frame_kind::native;
    for (const int i : {turned ? 1 : 0, turned ? 0 : 1}) {
      function f;
      f.name = m.builder().text(i == 0 ? "a" : "b");
      at.function = m.builder().add_function(f);
      at.mapping = m.builder().add_mapping(libs[i]);
      m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
    }
    return m.get();
  };
  profile into;
  merge(into, window(false));
  merge(into, window(true));
  REQUIRE(rows_of(into) == sum_of({window(false), window(true)}));
  REQUIRE(into.samples.size() == 2);
}

TEST_CASE("names count against the limit of bytes, however few rows they are in") {
  merge_limits limits;
  limits.string_bytes = 100'000;
  profile_run run(limits);
  for (int w = 0; w < 300; ++w) {
    profile_maker m;
    m.row({std::string(1'000, 'n') + std::to_string(w)}, {}, 1, 0);
    run.add(m.get());
  }
  std::size_t bytes = 0;
  for (const std::string& s : run.result().strings) bytes += s.size();
  REQUIRE(bytes < 102'000);
  REQUIRE(bytes > 80'000);
  REQUIRE(run.result().total(0) == 300);
}

TEST_CASE("a stack that has no room is not taken for the row without a stack") {
  merge_limits limits;
  limits.rows = 1;
  profile_maker m;
  m.row({}, {}, 1, 0);
  m.row({"f"}, {}, 10, 0);
  profile_run run(limits);
  run.add(m.get());
  run.add(m.get());
  REQUIRE(run.result().samples.size() == 2);
  REQUIRE(run.result().values_of(0)[0] == 2);
  REQUIRE(run.result().values_of(1)[0] == 20);
}

TEST_CASE("rows without a stack stay rows without a stack") {
  profile_maker m;
  m.row({}, {{"k", "v"}}, 1, 2);
  profile into;
  merge(into, m.get());
  merge(into, m.get());
  REQUIRE(into.samples.size() == 1);
  REQUIRE(into.samples[0].stack == no_stack);
  REQUIRE(into.total(1) == 4);
}

TEST_CASE("stacks of any depth merge") {
  profile_maker m;
  profile_maker::names deep(100'000, "f");
  m.row(deep, {}, 1, 1);
  profile into;
  merge(into, m.get());
  merge(into, m.get());
  REQUIRE(into.stacks.size() == 100'000);
  REQUIRE(into.total(1) == 2);
}

TEST_CASE("a cleared run starts anew") {
  profile_run run;
  run.add(rideshare());
  run.clear();
  REQUIRE(run.empty());
  REQUIRE(run.result().samples.empty());
  run.add(random_profile(5));
  REQUIRE(rows_of(run.result()) == rows_of(random_profile(5)));
}

TEST_CASE("a frozen builder makes nothing and finds what is there") {
  profile_maker m;
  m.row({"main"}, {{"k", "v"}}, 1, 1);
  profile_builder& b = m.builder();
  const std::size_t strings = m.get().strings.size();
  b.freeze(true);
  REQUIRE(b.text("main") != profile_builder::unknown);
  REQUIRE(b.text("nothing of the kind") == profile_builder::unknown);
  REQUIRE(b.add_stack(no_stack, 77) == profile_builder::unknown);
  REQUIRE(b.add_labels({}) == profile_builder::unknown);
  const std::int64_t values[3] = {1, 1, 1};
  REQUIRE_FALSE(b.add(0, 55, values));
  REQUIRE(b.add(m.get().samples[0].stack, m.get().samples[0].labels, values));
  REQUIRE(m.get().strings.size() == strings);
  REQUIRE(m.get().samples.size() == 1);
  REQUIRE(m.get().total(0) == 2);
}

// --- profiles of other tools: other types, no times, nothing in common ----------------------------------------------------------

namespace {

profile foreign(std::vector<value_type> types, const std::vector<std::vector<std::int64_t>>& rows) {
  profile_maker m;
  m.get().sample_types = std::move(types);
  for (std::size_t i = 0; i < rows.size(); ++i) m.row(m.stack({"f" + std::to_string(i)}), {}, rows[i]);
  return m.get();
}

std::string columns(const profile& p) {
  std::string out;
  for (std::size_t c = 0; c < p.sample_types.size(); ++c)
    out += p.sample_types[c].type + "/" + p.sample_types[c].unit + "=" + std::to_string(p.total(c)) + " ";
  return out;
}

}  // namespace

TEST_CASE("types are told by name and unit: the union of both, the first one's default stays") {
  profile into = foreign({{"samples", "count"}, {"cpu", "nanoseconds"}}, {{1, 10}, {2, 20}});
  merge(into, foreign({{"alloc_space", "bytes"}, {"samples", "count"}, {"cpu", "microseconds"}}, {{4096, 5, 7}}));
  merge(into, foreign({{"cpu", "nanoseconds"}, {"alloc_space", "bytes"}}, {{100, 1000}, {200, 2000}}));
  CHECK(columns(into) == "alloc_space/bytes=7096 cpu/microseconds=7 samples/count=8 cpu/nanoseconds=330 ");
  CHECK(into.samples.size() == 2);
  require_well_formed(into);
}

TEST_CASE("two columns of one type and unit stay two") {
  profile into = foreign({{"x", "count"}, {"y", "count"}, {"x", "count"}}, {{1, 10, 100}});
  merge(into, foreign({{"x", "count"}, {"x", "count"}, {"y", "count"}}, {{2, 200, 20}}));
  CHECK(columns(into) == "x/count=3 y/count=30 x/count=300 ");
  merge(into, foreign({{"x", "count"}, {"x", "count"}, {"x", "count"}}, {{1, 1, 5'000}}));
  CHECK(into.sample_types.size() == 4);  // a third one: which of them is whose can't be told any more, but nothing is lost
  CHECK(into.total(0) + into.total(1) + into.total(3) == 303 + 5'002);
  profile one = foreign({{"x", "count"}}, {{1}});
  merge(one, foreign({{"x", "count"}, {"x", "count"}}, {{2, 300}}));
  CHECK(one.sample_types.size() == 2);
  CHECK(one.total(0) + one.total(1) == 303);
}

TEST_CASE("what has no time leaves the time alone; periods of other types leave the period") {
  profile timed = rideshare(), timeless = foreign({{"samples", "count"}}, {{1}});
  timeless.time_ns = timeless.duration_ns = timeless.period = 0;
  timeless.period_type = {};
  profile into = timed;
  merge(into, timeless);
  CHECK(into.time_ns == timed.time_ns);
  CHECK(into.duration_ns == timed.duration_ns);
  CHECK(into.period == timed.period);
  into = timeless;
  merge(into, timed);
  CHECK(into.time_ns == timed.time_ns);
  CHECK(into.duration_ns == timed.duration_ns);
  CHECK(into.period == timed.period);
  CHECK(into.period_type.type == "cpu");
  profile heap = foreign({{"inuse_space", "bytes"}}, {{1}});
  heap.period_type = {"space", "bytes"};
  heap.period = 524'288'000;
  merge(into, heap);
  CHECK(into.period == timed.period);
  CHECK(into.period_type.type == "cpu");
}

TEST_CASE("comments are kept once each, and not without end") {
  profile into = rideshare(), other = rideshare();
  other.comments = {"a", "b"};
  merge(into, other);
  merge(into, other);
  CHECK(into.comments == std::vector<std::string>{"a", "b"});
  for (int i = 0; i < 1'000; ++i) {
    other.comments = {std::to_string(i)};
    merge(into, other);
  }
  CHECK(into.comments.size() == 100);
}

TEST_CASE("sums stay within what fits") {
  profile into = foreign({{"x", "count"}}, {{INT64_MAX - 1}, {INT64_MIN + 1}});
  merge(into, foreign({{"x", "count"}}, {{5}, {-5}}));
  CHECK(into.values_of(0)[0] == INT64_MAX);
  CHECK(into.values_of(1)[0] == INT64_MIN);
  CHECK(add_values(INT64_MAX, INT64_MIN) == -1);
  CHECK(add_values(INT64_MIN, -1) == INT64_MIN);
  CHECK(add_values(1, 2) == 3);
}

TEST_CASE("of a label set's keys the later one stays, sorted by text, also of many") {
  profile_maker m;
  profile_maker::tags tags;
  for (int i = 0; i < 5'000; ++i) tags.emplace_back("key" + std::to_string(i * 7919 % 1'000), std::to_string(i));
  m.row({"f"}, tags, 1, 1);
  const profile& p = m.get();
  const label_set& set = p.label_sets.at(p.samples[0].labels);
  REQUIRE(set.size() == 1'000);
  std::map<std::string, std::string> last;
  for (const auto& t : tags) last[t.first] = t.second;
  auto expected = last.begin();
  for (const label& l : set) {
    REQUIRE(p.text(l.key) == expected->first);
    REQUIRE(p.text(l.value) == expected->second);
    ++expected;
  }
}

}  // namespace merge_test
