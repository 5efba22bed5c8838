// Reading pprof: what the encoder wrote comes back; what others write is understood, in every form the format allows; what is wrong is said with
// its place; nothing costs more than the limits.
#include <pyro/encode/folded.hpp>
#include <pyro/encode/names.hpp>
#include <pyro/encode/zlib.hpp>
#include <pyro/model/merge.hpp>

#include "golden.hpp"
#include "make_pprof.hpp"
#include "make_profile.hpp"
#include "pprof_reader.hpp"

#include <catch2/catch.hpp>

#include <dirent.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace pprof_decoder_test {

using namespace pyro;
using namespace pyro_test;

namespace {

using rows = std::map<std::string, std::vector<std::int64_t>>;

/// Everything that the format carries of each row, as text. Rows of nothing but zeros are not written.
rows rows_of(const profile& p) {
  rows out;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    const std::int64_t* values = p.values_of(row);
    if (std::all_of(values, values + p.sample_types.size(), [](std::int64_t v) { return v == 0; })) continue;
    std::string key;
    detail::for_each_frame(p, p.samples[row].stack, [&](const frame& f) {
      const function& fn = p.functions.at(f.function);
      const mapping& m = p.mappings.at(f.mapping);
      const std::string name = detail::frame_name(p, f), linker = detail::utf8_repair(p.text(fn.system_name));
      key += name + '|' + (linker.empty() ? name : linker) + '|' + detail::utf8_repair(p.text(fn.file)) + ':' + std::to_string(fn.start_line) + ':' +
             std::to_string(f.line) + '@' + std::to_string(f.address) + ' ' + std::to_string(static_cast<int>(f.kind)) + ' ' + p.text(m.filename) + ' ' +
             p.text(m.build_id) + ' ' + std::to_string(m.memory_start) + '-' + std::to_string(m.memory_limit) + '+' + std::to_string(m.file_offset) + '\n';
    });
    if (p.samples[row].stack == no_stack) key += "no stack\n";
    for (const auto& l : detail::labels_of(p, p.samples[row].labels, true)) key += l.first + '=' + l.second + '\n';
    auto& sum = out[key];
    sum.resize(p.sample_types.size());
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += values[c];
  }
  return out;
}

profile decoded(const std::string& file) {
  const decode_result r = decode_pprof(file);
  INFO(r.error);
  REQUIRE(r);
  check_profile(r.value, decode_limits());
  return r.value;
}

std::string error_of(const std::string& file, const decode_limits& limits = decode_limits()) {
  const decode_result r = decode_pprof(file, limits);
  REQUIRE_FALSE(r);
  REQUIRE(r.value.samples.empty());
  REQUIRE(r.value.sample_types.empty());
  return r.error;
}

/// Frames of every kind, alone and inlined in each other, with and without names, places and modules.
profile random_native(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&random](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  profile_maker m;
  profile& p = m.get();
  if (seed % 3 == 0) p.application.clear(), p.engine.clear();  // no comment tells that it is ours
  p.lost.threads = below(2);
  p.lost.stacks = below(3000);
  profile_builder& b = m.builder();
  for (std::uint64_t i = 1; i < 3; ++i) {
    mapping extra;
    extra.memory_start = i << 20U;
    extra.memory_limit = extra.memory_start + 4096;
    extra.filename = b.text("/usr/lib/lib" + std::to_string(i) + ".so");
    b.add_mapping(extra);
  }
  std::vector<std::uint32_t> frames;
  for (int i = 0; i < 30; ++i) {
    function f;
    if (below(5) != 0) {
      f.name = b.text(below(6) == 0 ? "[odd]" : "function " + std::to_string(below(12)));
      f.system_name = below(2) == 0 ? f.name : b.text("_Z" + std::to_string(below(12)) + "v");
      f.file = b.text(below(2) == 0 ? "" : "a.cpp");
      f.start_line = static_cast<std::int64_t>(below(3));
    }
    frame shown;
    shown.function = b.add_function(f);
    shown.kind = static_cast<frame_kind>(below(3));
    shown.mapping = static_cast<std::uint32_t>(below(3));
    shown.address = f.name == 0 ? 1 + below(3) : below(4);  // few: many are inlined in others
    shown.line = f.name == 0 ? 0 : static_cast<std::int64_t>(below(3));
    frames.push_back(b.add_frame(shown));
  }
  for (int row = 0; row < 60; ++row) {
    std::uint32_t at = no_stack;
    for (std::size_t depth = below(9); depth > 0; --depth) at = b.add_stack(at, frames[below(frames.size())]);
    profile_maker::tags tags;
    for (std::size_t i = below(4); i > 0; --i) tags.emplace_back("key" + std::to_string(below(3)), below(4) == 0 ? "" : "value" + std::to_string(below(3)));
    m.row(at, tags, {static_cast<std::int64_t>(below(3)), static_cast<std::int64_t>(below(3)), static_cast<std::int64_t>(below(1000)) - 100});
  }
  return p;
}

/// A file of one sample, main > f; what is given is added, or stands instead.
struct by_hand {
  std::string types = part().bytes(1, part().number(1, 1).number(2, 2).text).text;
  std::string samples = part().bytes(2, part().packed(1, {2, 1}).packed(2, {7}).text).text;
  std::string mappings;
  std::string locations = part().bytes(4, part().number(1, 1).number(3, 0x10).bytes(4, part().number(1, 1).number(2, 5).text).text)
                              .bytes(4, part().number(1, 2).number(3, 0x20).bytes(4, part().number(1, 2).number(2, 9).text).text).text;
  std::string functions = part().bytes(5, part().number(1, 1).number(2, 3).text).bytes(5, part().number(1, 2).number(2, 4).number(4, 5).text).text;
  std::string strings = part().bytes(6, "").bytes(6, "samples").bytes(6, "count").bytes(6, "main").bytes(6, "f").bytes(6, "f.go").bytes(6, "bytes").text;
  std::string more;

  std::string text() const { return types + samples + mappings + locations + functions + strings + more; }
};

std::string folded_of(const profile& p) {
  std::string out;
  for (std::size_t row = 0; row < p.samples.size(); ++row) {
    std::string line;
    detail::for_each_frame(p, p.samples[row].stack, [&](const frame& f) { line = detail::frame_name(p, f) + (line.empty() ? "" : ";") + line; });
    out += line;
    for (const auto& l : detail::labels_of(p, p.samples[row].labels, false)) out += " " + l.first + "=" + l.second;
    for (std::size_t c = 0; c < p.sample_types.size(); ++c) out += " " + std::to_string(p.values_of(row)[c]);
    out += '\n';
  }
  return out;
}

}  // namespace

TEST_CASE("what pyro wrote comes back") {
  const profile p = rideshare();
  const profile back = decoded(encode_pprof(p));
  CHECK(rows_of(back) == rows_of(p));
  CHECK(back.application == "ride-sharing-app");
  CHECK(back.engine == "thread_timers");
  CHECK(back.time_ns == p.time_ns);
  CHECK(back.duration_ns == p.duration_ns);
  CHECK(back.period == p.period);
  CHECK(back.period_type.type == "cpu");
  CHECK(back.lost.ring_full == 3);
  CHECK(back.lost.budget == 1'234);
  CHECK(back.comments.empty());
  REQUIRE(back.sample_types.size() == 3);
  CHECK(back.sample_types[2].type == "cpu");
  for (std::size_t c = 0; c < 3; ++c) CHECK(back.total(c) == p.total(c));
  CHECK(encode_pprof(back) == encode_pprof(decoded(encode_pprof(back))));
}

TEST_CASE("the golden file is read") {
  CHECK(rows_of(decoded(read_file(golden_path("rideshare.pb.gz")))) == rows_of(rideshare()));
}

TEST_CASE("files of Go and Rust: the stacks that `go tool pprof -raw` prints") {
  struct file {
    const char *name, *stacks, *type, *default_type;
    std::int64_t period;
  };
  // The folded files were made from that command's output by a script, not by this library.
  for (const file& f : {file{"go_cpu.pb.gz", "go_cpu.folded", "cpu", "cpu", 10'000'000}, file{"go_heap.pb.gz", "go_heap.folded", "alloc_space", "inuse_space", 524'288},
                        file{"rust_cpu.pb", "rust_cpu.folded", "cpu", "cpu", 10'000'000}}) {
    INFO(f.name);
    const profile p = decoded(read_file(golden_path(f.name)));
    folded_options options;
    options.type = f.type;
    CHECK(encode_folded(p, options) == read_file(golden_path(f.stacks)));
    CHECK(p.sample_types.back().type == f.default_type);
    CHECK(p.period == f.period);
    CHECK(p.time_ns > 1'700'000'000'000'000'000);
    for (const frame& shown : p.frames) CHECK(shown.kind == frame_kind::native);
    const profile again = decoded(encode_pprof(p));
    CHECK(rows_of(again) == rows_of(p));
    CHECK(encode_pprof(again) == encode_pprof(decoded(encode_pprof(again))));
  }
  const profile heap = decoded(read_file(golden_path("go_heap.pb.gz")));
  CHECK(heap.text(heap.mappings.at(0).filename) == "/app/server");
  CHECK(folded_of(heap).find(" bytes=") != std::string::npos);
}

TEST_CASE("random profiles come back whole: kinds, places, modules, inlined functions, labels") {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    INFO(seed);
    const profile p = seed % 2 == 0 ? random_native(seed) : random_profile(seed);
    pprof_options options;
    options.gzip = seed % 5 == 0;
    const profile back = decoded(encode_pprof(p, options));
    REQUIRE(rows_of(back) == rows_of(p));
    REQUIRE(back.lost.threads == p.lost.threads);
    REQUIRE(back.lost.stacks == p.lost.stacks);
    REQUIRE(back.lost.ring_full == p.lost.ring_full);
  }
}

TEST_CASE("every loss is told in words that are understood again") {
  losses all;
  std::uint64_t n = 1;
  for (const detail::loss_cause& c : detail::loss_causes) all.*c.count = (n += 1'000'003) % 7'001;
  all.ring_full = 1;
  losses read;
  REQUIRE(detail::parse_losses(detail::format_losses(all), read));
  for (const detail::loss_cause& c : detail::loss_causes) CHECK(read.*c.count == all.*c.count);
  for (const char* wrong : {"x", "3", "3 samples", "3 samples (ring full), ", "3 samples (ring full) ", "1 samples (ring full)", "99999999999999999999 calls"})
    CHECK_FALSE(detail::parse_losses(wrong, read));
}

TEST_CASE("fields in any order and form, unknown ones skipped") {
  by_hand file;
  const std::string expected = "main;f 7\n";
  CHECK(folded_of(decoded(file.text())) == expected);
  CHECK(folded_of(decoded(file.strings + file.functions + file.locations + file.samples + file.types)) == expected);
  file.samples = part().bytes(2, part().unpacked(2, {7}).unpacked(1, {2}).packed(1, {}).packed(1, {1}).text).text;
  CHECK(folded_of(decoded(file.text())) == expected);
  file.more = part().tag(99, 1).raw("12345678").tag(1000, 5).raw("1234").number(7, 1).number(8, 3).bytes(50, "more").number(536870911, 1).text;
  CHECK(folded_of(decoded(file.text())) == expected);
  const profile p = decoded(file.text());
  REQUIRE(p.frames.size() == 2);
  CHECK(p.frames[1].kind == frame_kind::native);
  CHECK(p.frames[1].line == 9);
  CHECK(p.frames[1].address == 0x20);
  CHECK(p.text(p.functions[p.frames[1].function].file) == "f.go");
  CHECK(p.mappings.size() == 1);  // frames refer to one
}

TEST_CASE("places without an address are scopes in pyro's files and native in others'") {
  by_hand file;
  file.locations = part().bytes(4, part().number(1, 1).bytes(4, part().number(1, 1).text).text).bytes(4, part().number(1, 2).bytes(4, part().number(1, 2).text).text).text;
  CHECK(decoded(file.text()).frames[0].kind == frame_kind::native);
  file.strings += part().bytes(6, "pyro application: shop").bytes(6, "seen by a person").text;
  file.more = part().packed(13, {7, 8}).text;
  CHECK(decoded(file.text()).frames[0].kind == frame_kind::scope);
  CHECK(decoded(file.text()).application == "shop");
  CHECK(decoded(file.text()).comments == std::vector<std::string>{"seen by a person"});
  CHECK(decoded(encode_pprof(decoded(file.text()))).comments == std::vector<std::string>{"seen by a person"});
}

TEST_CASE("several lines of a location are inlined functions, the innermost first") {
  by_hand file;
  file.samples = part().bytes(2, part().packed(1, {1}).packed(2, {7}).text).text;
  file.locations = part().bytes(4, part().number(1, 1).number(3, 0x10).bytes(4, part().number(1, 2).number(2, 5).text).bytes(4, part().number(1, 1).text).text).text;
  CHECK(folded_of(decoded(file.text())) == "main;f 7\n");
}

TEST_CASE("a location without lines is its address, ids may be anything") {
  by_hand file;
  file.samples = part().bytes(2, part().packed(1, {UINT64_MAX, 7'000}).packed(2, {7}).text).text;
  file.locations = part().bytes(4, part().number(1, UINT64_MAX).number(3, 0xdead).text).bytes(4, part().number(1, 7'000).number(3, 0xbeef).text).text;
  CHECK(folded_of(decoded(file.text())) == "0xbeef;0xdead 7\n");
}

TEST_CASE("modules: those of the file in their order, and an empty one for places that have none") {
  by_hand file;
  file.mappings = part().bytes(3, part().number(1, 1).number(2, 0x1000).number(3, 0x2000).number(4, 16).number(5, 3).number(6, 4).text)
                      .bytes(3, part().number(1, 9).number(5, 5).text).text;
  file.locations = part().bytes(4, part().number(1, 1).number(2, 9).number(3, 0x10).bytes(4, part().number(1, 1).text).text)
                       .bytes(4, part().number(1, 2).number(3, 0x20).bytes(4, part().number(1, 2).text).text).text;
  const profile p = decoded(file.text());
  REQUIRE(p.mappings.size() == 3);
  CHECK(p.mappings[0].memory_start == 0x1000);
  CHECK(p.mappings[0].memory_limit == 0x2000);
  CHECK(p.mappings[0].file_offset == 16);
  CHECK(p.text(p.mappings[0].filename) == "main");
  CHECK(p.text(p.mappings[0].build_id) == "f");
  CHECK(p.frames[0].mapping == 1);
  CHECK(p.frames[1].mapping == 2);
  CHECK(p.mappings[2].filename == 0);
}

TEST_CASE("labels: numbers as text, with their unit; several values of a key together; an empty one") {
  by_hand file;
  file.strings += part().bytes(6, "key").bytes(6, "a").bytes(6, "b").text;  // 7, 8, 9
  const auto labelled = [&](const std::vector<std::string>& labels) {
    message_maker sample = part().packed(1, {2, 1}).packed(2, {7});
    for (const std::string& l : labels) sample.bytes(3, l);
    file.samples = part().bytes(2, sample.text).text;
    return folded_of(decoded(file.text()));
  };
  CHECK(labelled({part().number(1, 7).number(2, 8).text}) == "main;f key=a 7\n");
  CHECK(labelled({part().number(1, 7).number(3, 4096).number(4, 6).text}) == "main;f key=4096 bytes 7\n");
  CHECK(labelled({part().number(1, 6).number(3, static_cast<std::uint64_t>(-5)).text}) == "main;f bytes=-5 7\n");
  CHECK(labelled({part().number(1, 7).number(4, 6).text}) == "main;f key=0 bytes 7\n");
  CHECK(labelled({part().number(1, 7).text}) == "main;f key= 7\n");
  CHECK(labelled({part().number(1, 7).number(2, 9).text, part().number(1, 6).number(2, 8).text, part().number(1, 7).number(2, 8).text}) ==
        "main;f bytes=a key=b, a 7\n");
}

TEST_CASE("the default sample type becomes the last column") {
  by_hand file;
  file.types = part().bytes(1, part().number(1, 1).number(2, 2).text).bytes(1, part().number(1, 3).number(2, 2).text).bytes(1, part().number(1, 4).number(2, 6).text).text;
  file.samples = part().bytes(2, part().packed(1, {1}).packed(2, {10, 20, 30}).text).text;
  const auto order = [&](std::uint64_t value) {
    file.more = part().number(14, value).text;
    const profile p = decoded(file.text());
    std::string out;
    for (std::size_t c = 0; c < 3; ++c) out += p.sample_types[c].type + "=" + std::to_string(p.total(c)) + " ";
    return out + p.sample_types[2].unit;
  };
  CHECK(order(0) == "samples=10 main=20 f=30 bytes");
  CHECK(order(1) == "main=20 f=30 samples=10 count");
  CHECK(order(3) == "samples=10 f=30 main=20 count");
  CHECK(order(4) == "samples=10 main=20 f=30 bytes");
  CHECK(order(2) == "samples=10 main=20 f=30 bytes");  // "count" is no type: the place of one
  CHECK(order(1'000) == "samples=10 main=20 f=30 bytes");
}

TEST_CASE("equal rows are added up, negative values stay") {
  by_hand file;
  file.samples += part().bytes(2, part().packed(1, {2, 1}).packed(2, {static_cast<std::uint64_t>(-9)}).text).text;
  CHECK(folded_of(decoded(file.text())) == "main;f -2\n");
}

TEST_CASE("comments, a documentation's address, times that make no sense") {
  by_hand file;
  file.more = part().unpacked(13, {3, 4}).number(15, 5).number(9, static_cast<std::uint64_t>(-1)).number(10, static_cast<std::uint64_t>(INT64_MAX)).text;
  const profile p = decoded(file.text());
  CHECK(p.comments == std::vector<std::string>{"main", "f", "documentation: f.go"});
  CHECK(p.time_ns == 0);
  CHECK(p.duration_ns == INT64_MAX);
  CHECK(p.period_type.type.empty());
}

TEST_CASE("errors tell the byte, what was expected and what was found") {
  const auto check = [](const std::string& file, const char* expected) { CHECK(error_of(file) == expected); };
  check("", "pprof: byte 0: expected a profile, found nothing");
  check("\x80", "pprof: byte 0: expected the rest of a field's tag, found the end");
  check(std::string(11, '\xff'), "pprof: byte 0: expected a field's tag of at most 10 bytes, found a longer one");
  check(part().tag(0, 0).text, "pprof: byte 0: expected a field's number from 1 to 536870911, found 0");
  check(part().tag(99, 3).text, "pprof: byte 0: expected a field of wire type 0, 1, 2 or 5, found wire type 3");
  check(part().tag(6, 2).raw("\x05zzz").text, "pprof: byte 1: expected at most 3 bytes, which are left here, in field 6, found 5");
  check(part().number(6, 1).text, "pprof: byte 0: expected a string in field 6, found wire type 0");
  check(part().bytes(6, "x").text, "pprof: byte 0: expected an empty string as the first one, found 1 bytes");
  check("hello, this is no profile", "pprof: byte 2: expected a field of wire type 0, 1, 2 or 5, found wire type 4");

  by_hand file;
  file.samples.clear();
  const std::size_t at = file.text().size();
  const auto with = [&](const std::string& more, const std::string& expected) { CHECK(error_of(file.text() + more) == "pprof: byte " + expected); };
  const auto place = [&](std::size_t offset) { return std::to_string(at + offset); };
  with(part().bytes(2, part().packed(1, {0}).packed(2, {7}).text).text, place(4) + ": expected the id of a location, found 0");
  with(part().bytes(2, part().packed(1, {1, 77}).packed(2, {7}).text).text, place(5) + ": expected the id of a location, found 77");
  with(part().bytes(2, part().packed(1, {1}).text).text, place(0) + ": expected a sample of 1 values, one a type, found 0");
  with(part().bytes(2, part().packed(2, {7, 8}).text).text, place(5) + ": expected 1 values a sample, one a type, found more");
  with(part().bytes(2, part().packed(2, {7}).bytes(3, part().number(1, 99).text).text).text, place(5) + ": expected a string's index below 7, found 99");
  with(part().bytes(4, part().number(1, 3).bytes(4, part().number(1, 99).text).text).text, place(4) + ": expected the id of a function, found 99");
  with(part().bytes(4, part().number(3, 3).text).text, place(0) + ": expected a location with an id that is not 0, found none");
  with(part().bytes(4, part().number(1, 2).text).text, place(0) + ": expected a location with an id of its own, found one that another has");
  with(part().bytes(5, part().number(1, 3).number(2, 50).text).text, place(4) + ": expected a string's index below 7, found 50");
  with(part().bytes(1, part().number(1, static_cast<std::uint64_t>(-1)).text).text, place(0) + ": expected a string's index below 7, found -1");
  with(part().bytes(2, part().packed(2, {static_cast<std::uint64_t>(INT64_MIN)}).text).text, place(0) + ": expected values that add up to less than 2^63, found larger ones");
  file.strings.clear();
  CHECK(error_of(file.text()).find("expected a string's index below 0, found 1") != std::string::npos);
}

TEST_CASE("gzip: several members, names, padding; and what is wrong with it") {
  const by_hand file;
  const std::string text = file.text();
  const auto deflated = [](const std::string& s) { return detail::gzip_with(&detail::deflate_by_zlib, s); };
  const auto stored = [](const std::string& s) { return detail::gzip_with(nullptr, s); };
  const std::string expected = "main;f 7\n";
  CHECK(folded_of(decoded(deflated(text))) == expected);
  CHECK(folded_of(decoded(stored(text))) == expected);
  CHECK(folded_of(decoded(deflated(text.substr(0, 20)) + stored(text.substr(20, 30)) + deflated("") + deflated(text.substr(50)))) == expected);
  CHECK(folded_of(decoded(deflated(text) + std::string(512, '\0'))) == expected);
  std::string named = deflated(text);
  named[3] = 4 | 8 | 16 | 2;
  named.insert(10, std::string("\3\0abcname\0comment\0zz", 20));
  CHECK(folded_of(decoded(named)) == expected);

  const std::string good = deflated(text);
  CHECK(error_of(good + "x") == "pprof: byte " + std::to_string(good.size()) + ": expected a gzip header of 10 bytes, found 1 bytes and the end of the file");
  CHECK(error_of(good + std::string(10, 'x')).find("expected gzip's magic bytes 1f 8b, or the end of the file") != std::string::npos);
  std::string wrong = good;
  wrong[wrong.size() - 8] ^= 1;
  CHECK(error_of(wrong) == "pprof: byte " + std::to_string(good.size() - 8) + ": expected the checksum of what was decompressed, found another");
  wrong = good;
  wrong[wrong.size() - 1] ^= 1;
  CHECK(error_of(wrong).find("expected the size of what was decompressed") != std::string::npos);
  for (std::size_t cut = 2; cut < good.size(); ++cut) CHECK(error_of(good.substr(0, cut)).compare(0, 12, "pprof: byte ") == 0);
  decode_limits small;
  const std::string larger = text + part().bytes(99, std::string(100'000, 'x')).text;
  small.max_bytes = larger.size();
  CHECK(decode_pprof(deflated(larger), small));
  small.max_bytes = larger.size() - 1;
  CHECK(error_of(deflated(larger), small).find("bytes after decompression, found more") != std::string::npos);
  wrong = deflated("nonsense");
  CHECK(error_of(wrong).find(" after decompression: expected ") != std::string::npos);
}

TEST_CASE("without a decompressor stored blocks are read, others refused with advice") {
  const by_hand file;
  const decompressor saved = detail::decompressor_slot.exchange(nullptr);
  const decode_result stored = decode_pprof(detail::gzip_with(nullptr, file.text() + std::string(70'000, '\0')));
  const decode_result two_blocks = decode_pprof(detail::gzip_with(nullptr, file.text() + part().bytes(99, std::string(200'000, 'x')).text));
  const decode_result packed = decode_pprof(detail::gzip_with(&detail::deflate_by_zlib, file.text()));
  detail::decompressor_slot.store(saved);
  CHECK_FALSE(stored);
  CHECK(stored.error.find("expected a field's number") != std::string::npos);
  CHECK(two_blocks);
  REQUIRE_FALSE(packed);
  CHECK(packed.error == "pprof: byte 10: expected stored blocks (this program has no decompressor: include <pyro/encode/zlib.hpp>), found compressed ones");
}

TEST_CASE("hostile files end soon, with an error and little memory") {
  const auto start = std::chrono::steady_clock::now();
  const auto expect = [&](const std::string& file, const char* what, const decode_limits& limits = decode_limits()) {
    const std::string error = error_of(file, limits);
    INFO(error);
    CHECK(error.find(what) != std::string::npos);
  };
  decode_limits limits;
  limits.max_bytes = 1 << 20;

  std::string bomb = detail::gzip_with(&detail::deflate_by_zlib, std::string(std::size_t{1} << 26U, '\0'));
  expect(bomb, "at most 1048576 bytes after decompression", limits);

  by_hand deep;
  deep.locations = part().bytes(4, part().number(1, 1).bytes(4, part().number(1, 1).text).text).text;
  deep.samples = part().bytes(2, part().packed(1, numbers(100'000, 1)).packed(2, {1}).text).text;
  expect(deep.text(), "a stack of at most 65536 frames");

  by_hand wide;  // some bytes a frame in the file, a thousand frames each in the profile
  message_maker location = part().number(1, 1);
  for (int i = 0; i < 1'000; ++i) location.bytes(4, part().number(1, 1).text);
  wide.locations = part().bytes(4, location.text).text;
  message_maker samples;
  for (int i = 0; i < 10'000; ++i) samples.bytes(2, part().packed(1, numbers(60, 1)).packed(2, {1}).text);
  wide.samples = samples.text;
  limits = decode_limits();
  limits.max_frames = 1'000'000;
  expect(wide.text(), "at most 1000000 frames in all samples", limits);

  by_hand labels;
  message_maker labelled = part().packed(2, {1});
  for (int i = 0; i < 2'000; ++i) labelled.bytes(3, part().number(1, 1).number(2, 1).text);
  labels.samples = part().bytes(2, labelled.text).text;
  expect(labels.text(), "at most 1000 labels in a sample");

  by_hand joined;  // a long text, many times
  joined.strings += part().bytes(6, std::string(1'000'000, 'x')).text;
  message_maker both = part().packed(2, {1});
  for (int i = 0; i < 900; ++i) both.bytes(3, part().number(1, 1).number(2, 7).text);
  joined.samples = part().bytes(2, both.text).text;
  expect(joined.text(), "joined values of at most 65536 bytes");

  by_hand many;  // entries of two bytes
  limits = decode_limits();
  limits.max_memory = 1 << 20;
  std::string empties;
  for (int i = 0; i < 300'000; ++i) empties += std::string("\x32\0", 2);
  many.more = empties;
  expect(many.text(), "a profile of at most 1048576 bytes of memory", limits);
  many.more.clear();
  for (int i = 0; i < 1'001; ++i) many.more += std::string("\x0a\0", 2);
  expect(many.text(), "at most 1000 sample types");

  limits = decode_limits();
  limits.max_samples = 3;
  by_hand rows_;
  for (int i = 0; i < 3; ++i) rows_.samples += by_hand().samples;
  expect(rows_.text(), "at most 3 samples", limits);
  limits.max_bytes = 10;
  expect(rows_.text(), "a file of at most 10 bytes", limits);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("addresses that were chosen to collide in the decoder's tables cost little") {
  constexpr std::uint64_t factor = 0x9e3779b97f4a7c15U;  // of hash_mix
  std::uint64_t inverse = factor;
  for (int i = 0; i < 6; ++i) inverse *= 2 - factor * inverse;
  REQUIRE(factor * inverse == 1);
  const auto before = [inverse](std::uint64_t hash, std::uint64_t value) { return ((hash ^ hash >> 32U) * inverse) ^ value; };
  by_hand file;
  const std::uint64_t begin = detail::hash_mix(detail::hash_mix(0, 0), 0);  // function 0 and mapping 0
  for (std::uint64_t i = 0; i < 60'000; ++i) {
    const std::uint64_t hash = before(before((i << 32U) | 7, 1), 0);  // kind native, line 0
    const std::uint64_t address = before(hash, begin);
    if (i == 0) REQUIRE(detail::hash_mix(detail::hash_mix(detail::hash_mix(begin, address), 0), 1) == 7);
    file.locations += part().bytes(4, part().number(1, i + 3).number(3, address).text).text;
  }
  const auto start = std::chrono::steady_clock::now();
  CHECK(error_of(part().bytes(6, "").text + file.locations.substr(by_hand().locations.size())).find("found such as were made to be slow") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
}

TEST_CASE("files that are cut or changed give an error or a profile, never harm") {
  pprof_options plain;
  plain.gzip = false;
  const std::string whole = encode_pprof(random_native(8), plain);
  for (std::size_t size = 0; size < whole.size(); size += 7) decode_any_profile(whole.substr(0, size));
  std::mt19937 random(5);
  for (int i = 0; i < 3'000; ++i) {
    std::string changed = i % 4 == 0 ? read_file(golden_path("rideshare.pb.gz")) : whole;
    for (std::size_t n = random() % 4; n-- > 0 || changed.empty();) changed[random() % changed.size()] = static_cast<char>(random());
    if (i % 3 == 0) changed.insert(random() % changed.size(), changed.substr(random() % changed.size(), random() % 30));
    decode_any_profile(changed);
  }
}

TEST_CASE("decoding agrees with an independent reader") {
  pprof_options plain;
  plain.gzip = false;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    const std::string file = encode_pprof(random_native(seed), plain);
    const pprof_profile theirs = read_pprof(file);
    const profile ours = decoded(file);
    std::map<std::string, std::int64_t> a, b;
    for (const pprof_sample& s : theirs.samples) {
      std::string key;
      for (const pprof_frame& f : s.frames) key = f.name + '@' + std::to_string(f.address) + ':' + std::to_string(f.line) + ';' + key;
      for (const auto& l : s.labels) key += l.first + '=' + l.second + ' ';
      a[key] += s.values[2];
    }
    for (std::size_t row = 0; row < ours.samples.size(); ++row) {
      std::string key;
      detail::for_each_frame(ours, ours.samples[row].stack, [&](const frame& f) {
        key = ours.text(ours.functions[f.function].name) + '@' + std::to_string(f.address) + ':' + std::to_string(f.line) + ';' + key;
      });
      if (key.empty()) key = "[unknown]@0:0;";
      for (const auto& l : detail::labels_of(ours, ours.samples[row].labels, false)) key += l.first + '=' + l.second + ' ';
      b[key] += ours.values_of(row)[2];
    }
    REQUIRE(a == b);
  }
}

TEST_CASE("what fuzzers found interesting in profiles") {
  const std::string path = std::string(PYRO_GOLDEN_DIR) + "/../fuzz/pprof";
  DIR* d = ::opendir(path.c_str());
  REQUIRE(d != nullptr);
  int files = 0;
  while (const dirent* e = ::readdir(d)) {
    if (e->d_name[0] == '.') continue;
    decode_any_profile(read_file(path + '/' + e->d_name));
    ++files;
  }
  ::closedir(d);
  CHECK(files >= 20);
}

}  // namespace pprof_decoder_test
