// pprof, read back by a reader of its own (pprof_reader.hpp). What Google's pprof makes of it is checked by
// tests/integration/foreign_readers.sh.
#include <pyro/encode/folded.hpp>
#include <pyro/encode/pprof.hpp>
#include <pyro/model/merge.hpp>

#include "golden.hpp"
#include "make_profile.hpp"
#include "pprof_reader.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>
#include <utility>

namespace pprof_test {

using namespace pyro;
using namespace pyro_test;
using strings = std::vector<std::string>;
using pairs = std::vector<std::pair<std::string, std::string>>;

namespace {

pprof_profile read_back(const profile& p, pprof_options options = pprof_options()) {
  options.gzip = false;
  return read_pprof(encode_pprof(p, options));
}

strings names_of(const pprof_sample& s) {
  strings out;
  for (const pprof_frame& f : s.frames) out.push_back(f.name);
  return out;
}

bool valid_utf8(const std::string& s) { return detail::utf8_repair(s) == s; }

}  // namespace

TEST_CASE("pprof: functions inlined in each other are one location with a line each, the innermost first") {
  profile_maker m;
  const auto native = [&](const char* name, std::uint64_t address, std::int64_t line) {
    function f;
    f.name = m.builder().text(name);
    f.system_name = m.builder().text(std::string("_Z") + name);
    frame shown;
    shown.function = m.builder().add_function(f);
    shown.address = address;
    shown.line = line;
    shown.kind = frame_kind::native;
    return m.builder().add_frame(shown);
  };
  const std::uint32_t outer = native("outer", 0x400100, 1), middle = native("middle", 0x400100, 2), inner = native("inner", 0x400100, 3);
  const std::uint32_t recursive = native("recursive", 0x400200, 4), leaf = native("leaf", 0x400300, 5);
  std::uint32_t at = no_stack;
  for (const std::uint32_t f : {recursive, recursive, outer, middle, inner, outer, middle, inner, leaf}) at = m.builder().add_stack(at, f);
  m.row(at, {}, {0, 1, 10'000'000});
  const pprof_profile read = read_back(m.get());
  REQUIRE(read.samples.size() == 1);
  CHECK(names_of(read.samples[0]) == strings{"leaf", "inner", "middle", "outer", "inner", "middle", "outer", "recursive", "recursive"});
  CHECK(read.samples[0].locations == 5);
  CHECK(read.locations == 3);  // leaf, the inlined three, recursive
  CHECK(read.samples[0].frames[1].line == 3);
  CHECK(read.samples[0].frames[3].address == 0x400100);
}

TEST_CASE("pprof: the golden file is what the encoder makes, byte by byte") {
  pprof_options bare;
  bare.gzip = false;
  const std::string bytes = detail::gzip_with(nullptr, encode_pprof(rideshare(), bare));
  REQUIRE((bytes == golden("rideshare.pb.gz", bytes)));
}

TEST_CASE("the file is gzipped") {
  pprof_options bare;
  bare.gzip = false;
  REQUIRE(gunzip(encode_pprof(rideshare())) == encode_pprof(rideshare(), bare));
}

TEST_CASE("types, period, times, default and comments") {
  const pprof_profile p = read_back(rideshare());
  REQUIRE(p.types == pairs{{"calls", "count"}, {"samples", "count"}, {"cpu", "nanoseconds"}});
  REQUIRE(p.default_type == "cpu");
  REQUIRE(p.period_type == std::make_pair(std::string("cpu"), std::string("nanoseconds")));
  REQUIRE(p.period == 10'000'000);
  REQUIRE(p.time == 1'795'529'700'000'000'000);
  REQUIRE(p.duration == 26'000'000'000);
  REQUIRE(p.comments == strings{"pyro application: ride-sharing-app", "pyro engine: thread_timers",
                                "pyro lost: 3 samples (ring full), 1,234 calls (to [other]: memory budget or depth)"});
}

TEST_CASE("samples have frames leaf first, values, and labels of the row and of the process") {
  const pprof_profile p = read_back(rideshare());
  const pprof_sample& s = p.samples.at(3);
  REQUIRE(names_of(s) == strings{"check_driver_availability", "find nearest vehicle", "order_car", "main"});
  REQUIRE(s.values == std::vector<std::int64_t>{12'034, 508, 5'080'000'000});
  REQUIRE(s.labels == pairs{{"region", "eu-north"}, {"thread", "worker-1"}, {"vehicle", "car"}, {"version", "2.1"}});
  REQUIRE(s.frames[0].file == "src/rideshare.cpp");
  REQUIRE(s.frames[0].start_line == 10);
  REQUIRE(s.frames[0].line == 12);
  REQUIRE(p.locations == 10);  // one a frame: "find nearest vehicle" is one, on three stacks
  REQUIRE(p.functions == 10);
}

TEST_CASE("a label of the sample wins over the tag of the process; one value a key; no key of pprof's own") {
  profile_maker m;
  m.get().static_tags = {{"region", "static"}, {"", "no key"}, {"zone", "a"}};
  m.row({"f"}, {{"region", "row"}, {"pprof::base", "true"}}, 1, 1);
  m.row({"f"}, {}, 1, 1);
  const pprof_profile p = read_back(m.get());
  REQUIRE(p.samples.at(0).labels == pairs{{"region", "row"}, {"zone", "a"}});
  REQUIRE(p.samples.at(1).labels == pairs{{"region", "static"}, {"zone", "a"}});
  pprof_options without;
  without.static_tags = false;
  REQUIRE(read_back(m.get(), without).samples.at(0).labels == pairs{{"region", "row"}});
  REQUIRE(read_back(m.get(), without).samples.at(1).labels.empty());
}

TEST_CASE("without calls the type and the rows that have nothing else are gone") {
  pprof_options without;
  without.calls = false;
  const pprof_profile p = read_back(rideshare(), without);
  REQUIRE(p.types == pairs{{"samples", "count"}, {"cpu", "nanoseconds"}});
  REQUIRE(p.samples.size() == 9);
  REQUIRE(p.total(1) == rideshare().total(2));
  REQUIRE(p.locations == 9);  // "never sampled" is in no sample any more
  for (const std::string& s : p.strings) REQUIRE(s != "never sampled");
}

TEST_CASE("rows of zeros are left out") {
  profile_maker m;
  m.row({"f"}, {}, 0, 0);
  m.row({"g"}, {}, 0, 1);
  REQUIRE(read_back(m.get()).samples.size() == 1);
}

TEST_CASE("the mapping says what is known of the frames in it") {
  profile_maker m;
  function f;
  f.name = m.builder().text("memcpy");
  function unnamed;
  frame at;
  at.kind = frame_kind::native;
  const auto put = [&](const char* file, const function& fn, std::uint64_t address) {
    mapping where;
    where.filename = m.builder().text(file);
    where.memory_start = 0x1000;
    at.mapping = m.builder().add_mapping(where);
    at.function = m.builder().add_function(fn);
    at.address = address;
    m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  };
  m.row({"main"}, {}, 1, 1);
  m.row({"[no scope]"}, {}, 0, 1);
  put("named.so", f, 0x1100);
  put("unnamed.so", unnamed, 0x1200);
  mapping idle;
  idle.filename = m.builder().text("idle.so");
  m.builder().add_mapping(idle);

  const pprof_profile p = read_back(m.get());
  REQUIRE(p.mappings.size() == 4);
  REQUIRE(p.mappings[0].file == "/usr/bin/rideshare");
  REQUIRE(p.mappings[0].build_id == "0123456789abcdef");
  REQUIRE(p.mappings[0].start == 0x400000);
  REQUIRE(p.mappings[0].limit == 0x500000);
  REQUIRE(p.mappings[0].offset == 0x1000);
  REQUIRE((p.mappings[0].has_functions && p.mappings[0].has_filenames && p.mappings[0].has_lines));
  REQUIRE((p.mappings[1].has_functions && !p.mappings[1].has_filenames && !p.mappings[1].has_lines));
  REQUIRE_FALSE(p.mappings[2].has_functions);
  REQUIRE(p.mappings[3].has_functions);
  REQUIRE(p.samples.at(2).frames.at(0).mapping == 2);
  REQUIRE(p.samples.at(3).frames.at(0).name.empty());  // left to tools that have the symbols
  REQUIRE(p.samples.at(3).frames.at(0).address == 0x1200);
}

TEST_CASE("a profile without mappings gets one, named after the application") {
  profile p;
  p.application = "my-app";
  p.sample_types = {{"cpu", "nanoseconds"}};
  profile_builder b(p);
  function f;
  f.name = b.text("f");
  frame at;
  at.function = b.add_function(f);
  const std::int64_t value = 5;
  b.add(b.add_stack(no_stack, b.add_frame(at)), b.add_labels({}), &value);
  const pprof_profile read = read_back(p);
  REQUIRE(read.mappings.size() == 1);
  REQUIRE(read.mappings[0].file == "my-app");
  REQUIRE(read.samples.at(0).frames.at(0).mapping == 1);
}

TEST_CASE("a row without a stack is [unknown]") {
  profile_maker m;
  m.row({}, {}, 0, 1);
  m.row({"f"}, {}, 0, 1);
  const pprof_profile p = read_back(m.get());
  REQUIRE(names_of(p.samples.at(0)) == strings{"[unknown]"});
  REQUIRE(names_of(p.samples.at(1)) == strings{"f"});
}

TEST_CASE("an empty profile is a valid file") {
  const pprof_profile p = read_back(profile_maker().get());
  REQUIRE(p.samples.empty());
  REQUIRE(p.types.size() == 3);
  REQUIRE(p.mappings.size() == 1);
  REQUIRE_NOTHROW(read_back(profile()));
}

TEST_CASE("linker names: kept where they differ, so that pprof takes the name as demangled") {
  profile_maker m;
  function mangled, plain;
  mangled.name = m.builder().text("a::f<int>()");
  mangled.system_name = m.builder().text("_ZN1a1fIiEEvv");
  plain.name = plain.system_name = m.builder().text("b<c>");
  frame at;
  at.function = m.builder().add_function(mangled);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  at.function = m.builder().add_function(plain);
  m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 1});
  const pprof_profile p = read_back(m.get());
  REQUIRE(p.samples.at(0).frames.at(0).system_name == "_ZN1a1fIiEEvv");
  REQUIRE(p.samples.at(1).frames.at(0).name == "b<c>");
  REQUIRE(p.samples.at(1).frames.at(0).system_name.empty());
}

TEST_CASE("random profiles: valid, sums as in the profile and in folded stacks, text repaired") {
  for (std::uint32_t seed = 0; seed < 50; ++seed) {
    const profile p = random_profile(seed);
    const pprof_profile read = read_back(p);
    for (std::size_t c = 0; c < 3; ++c) REQUIRE(read.total(c) == p.total(c));
    for (const std::string& s : read.strings) REQUIRE(valid_utf8(s));
    REQUIRE(std::set<std::string>(read.strings.begin(), read.strings.end()).size() == read.strings.size());
    for (const pprof_sample& s : read.samples) {
      std::set<std::string> keys;
      for (const auto& l : s.labels) {
        REQUIRE(keys.insert(l.first).second);
        REQUIRE_FALSE(l.first.empty());
      }
      for (const pprof_frame& f : s.frames) REQUIRE_FALSE(f.name.empty());
    }
    for (const char* type : {"calls", "samples", "cpu"}) {
      folded_options options;
      options.type = type;
      std::int64_t sum = 0;
      const std::string folded = encode_folded(p, options);
      for (std::size_t at = 0; at < folded.size();) {
        const std::size_t end = folded.find('\n', at);
        sum += std::stoll(folded.substr(folded.rfind(' ', end) + 1));
        at = end + 1;
      }
      REQUIRE(sum == p.total(static_cast<std::size_t>(p.column(type))));
    }
    profile_run run;
    run.add(p);
    run.add(random_profile(seed + 1));
    REQUIRE(read_back(run.result()).total(2) == p.total(2) + random_profile(seed + 1).total(2));
  }
}

}  // namespace pprof_test
