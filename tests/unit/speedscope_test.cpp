// speedscope files: JSON that says what the profile says, as another parser reads it.
#include <pyro/encode/folded.hpp>
#include <pyro/encode/pprof_decoder.hpp>
#include <pyro/encode/speedscope.hpp>
#include <pyro/encode/zlib.hpp>

#include "golden.hpp"
#include "make_profile.hpp"
#include "tools.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <string>

namespace speedscope_test {

using namespace pyro;
using namespace pyro_test;

namespace {

/// What a JSON parser that isn't ours makes of it: for each sample type its name and unit, then its stacks, names in hex, with their weights; the whole
/// checked against the rules of the format on the way.
const char* const reader = R"(
import json, sys
def unique(pairs):
    assert len({k for k, v in pairs}) == len(pairs)
    return dict(pairs)
d = json.loads(open(sys.argv[1], 'rb').read().decode('utf-8', 'strict'), object_pairs_hook=unique)
assert d['$schema'] == 'https://www.speedscope.app/file-format-schema.json'
frames = d['shared']['frames']
used = set()
for f in frames:
    assert isinstance(f['name'], str) and f['name'] and set(f) <= {'name', 'file', 'line'}
    assert f.get('line', 1) > 0
assert len({json.dumps(f) for f in frames}) <= len(frames)
assert 0 <= d['activeProfileIndex'] <= max(0, len(d['profiles']) - 1)
for p in d['profiles']:
    assert p['type'] == 'sampled' and p['startValue'] == 0 and p['endValue'] == sum(p['weights']), p
    assert p['unit'] in ('none', 'nanoseconds', 'microseconds', 'milliseconds', 'seconds', 'bytes')
    assert len(p['samples']) == len(p['weights']) and all(w > 0 for w in p['weights'])
    lines = {}
    for s, w in zip(p['samples'], p['weights']):
        assert s and all(0 <= i < len(frames) for i in s)
        used |= set(s)
        key = ';'.join(frames[i]['name'].encode().hex() for i in s)
        lines[key] = lines.get(key, 0) + w
    print(p['name'], p['unit'])
    for key in sorted(lines): print(key, lines[key])
assert used == set(range(len(frames)))
)";

/// Runs the reader; empty where it complains.
std::string read_by_python(const scratch& files, const std::string& json) {
  files.write("reader.py", reader);
  files.write("profile.json", json);
  return output_of("python3 '" + (files / "reader.py") + "' '" + (files / "profile.json") + "'");
}

/// The same from the profile itself.
std::string expected_of(const profile& p) {
  const auto hex = [](const std::string& s) {
    std::string out;
    for (const char c : s) (out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4]) += "0123456789abcdef"[c & 15];
    return out;
  };
  std::string out;
  for (std::size_t c = 0; c < p.sample_types.size(); ++c) {
    std::map<std::string, std::int64_t> by_stack;
    for (std::size_t row = 0; row < p.samples.size(); ++row) {
      std::string names;
      detail::for_each_frame(p, p.samples[row].stack, [&](const frame& f) { names = hex(detail::frame_name(p, f)) + (names.empty() ? "" : ";") + names; });
      by_stack[names.empty() ? hex("[unknown]") : names] += p.values_of(row)[c];
    }
    const std::string& unit = p.sample_types[c].unit;
    out += p.sample_types[c].type + " " + (unit == "count" ? "none" : unit) + "\n";
    for (const auto& s : by_stack)
      if (s.second > 0) out += s.first + " " + std::to_string(s.second) + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("speedscope: the golden file") {
  const std::string json = encode_speedscope(rideshare());
  CHECK(json == golden("rideshare.speedscope.json", json));
}

TEST_CASE("speedscope: another parser reads all stacks and sums, whatever the names") {
  if (!have("python3")) return;
  const scratch files;
  CHECK(read_by_python(files, encode_speedscope(rideshare())) == expected_of(rideshare()));
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    INFO(seed);
    const profile p = random_profile(seed);
    REQUIRE(read_by_python(files, encode_speedscope(p)) == expected_of(p));
  }
}

TEST_CASE("speedscope: files of Go, and profiles of nothing") {
  if (!have("python3")) return;
  const scratch files;
  for (const char* name : {"go_heap.pb.gz", "go_cpu.pb.gz", "rust_cpu.pb"}) {
    const decode_result r = decode_pprof(read_file(golden_path(name)));
    REQUIRE(r);
    CHECK(read_by_python(files, encode_speedscope(r.value)) == expected_of(r.value));
  }
  CHECK(encode_speedscope(profile()).find("\"profiles\":[]") != std::string::npos);
  profile_maker empty;
  CHECK(read_by_python(files, encode_speedscope(empty.get())) == "calls none\nsamples none\ncpu nanoseconds\n");
}

TEST_CASE("speedscope: lines of one function are one frame") {
  profile_maker m;
  function f;
  f.name = m.builder().text("f");
  frame at;
  at.function = m.builder().add_function(f);
  for (at.line = 1; at.line < 4; ++at.line) m.row(m.builder().add_stack(no_stack, m.builder().add_frame(at)), {}, {0, 1, 0});
  CHECK(encode_speedscope(m.get()).find("\"frames\":[{\"name\":\"f\"}]") != std::string::npos);
}

TEST_CASE("speedscope: rows of one stack under several labels are one, negative sums are left out") {
  profile_maker m;
  m.row({"a"}, {{"k", "1"}}, 1, 2);
  m.row({"a"}, {{"k", "2"}}, 1, 3);
  m.row(m.stack({"b"}), {}, {-5, 0, 7});
  const std::string json = encode_speedscope(m.get());
  CHECK(json.find("\"name\":\"calls\",\"unit\":\"none\",\"startValue\":0,\"samples\":[[0]],\"weights\":[2],\"endValue\":2") != std::string::npos);
  CHECK(json.find("\"weights\":[50000000,7],\"endValue\":50000007") != std::string::npos);
}

}  // namespace speedscope_test
