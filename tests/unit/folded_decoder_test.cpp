// Reading folded stacks: what the encoder wrote comes back the same; what others write is understood; errors name the line.
#include <pyro/encode/folded.hpp>
#include <pyro/encode/folded_decoder.hpp>
#include <pyro/encode/zlib.hpp>

#include "golden.hpp"
#include "make_pprof.hpp"
#include "make_profile.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace folded_decoder_test {

using namespace pyro;
using namespace pyro_test;

namespace {

profile decoded(const std::string& text) {
  const decode_result r = decode_folded(text);
  INFO(r.error);
  REQUIRE(r);
  check_profile(r.value, decode_limits());
  return r.value;
}

std::string error_of(const std::string& text, const decode_limits& limits = decode_limits()) {
  const decode_result r = decode_folded(text, {"samples", "count"}, limits);
  REQUIRE_FALSE(r);
  REQUIRE(r.value.samples.empty());
  return r.error;
}

}  // namespace

TEST_CASE("folded stacks that pyro wrote come back the same") {
  for (const char* name : {"rideshare.folded", "rideshare.labels.folded", "go_cpu.folded", "go_heap.folded", "rust_cpu.folded"}) {
    const std::string text = read_file(golden_path(name));
    CHECK(encode_folded(decoded(text)) == text);
    CHECK(encode_folded(decoded(gzip(text))) == text);
  }
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    INFO(seed);
    const std::string text = encode_folded(random_profile(seed));
    REQUIRE(encode_folded(decoded(text)) == text);
  }
}

TEST_CASE("folded stacks of others") {
  const profile p = decoded("main;f 3\r\n\n  \t\nmain 2\nmain;f\t4  \nmain;g;\xe6\xbc\xa2 worker 3 2.5\nmain;;x 1\n;y 1\nnothing 0\nlast 1.49");
  CHECK(encode_folded(p) ==
        "[unknown];y 1\nlast 1\nmain 2\nmain;[unknown];x 1\nmain;f 7\nmain;g;\xe6\xbc\xa2 worker_3 3\n");
  REQUIRE(p.sample_types.size() == 1);
  CHECK(p.sample_types[0].type == "samples");
  CHECK(p.time_ns == 0);
  CHECK(p.mappings.size() == 1);
  const decode_result bytes = decode_folded("a 1\n", {"alloc_space", "bytes"});
  CHECK(bytes.value.sample_types[0].unit == "bytes");
  CHECK(decoded("").samples.empty());
  CHECK(decoded(std::string(200, '\n') + "a 9223372036854775806").total(0) == INT64_MAX - 1);
}

TEST_CASE("folded stacks that are none: the line and what was expected") {
  CHECK(error_of("a 1\nb\n") == "folded: line 2: expected a stack, a space and a number, found a line that does not end in a number");
  CHECK(decode_folded("a 1\nb b\n").offset == 6);
  CHECK(error_of("a;b -1") == "folded: line 1: expected a stack, a space and a number, found a line that does not end in a number");
  CHECK(error_of("a 1.x").find("line 1: expected a stack") != std::string::npos);
  CHECK(error_of("\n\n 17\n") == "folded: line 3: expected a stack in front of the value, found none");
  CHECK(error_of("17") == "folded: line 1: expected a stack in front of the value, found none");
  CHECK(error_of("a 9223372036854775808").find("a value below 2^63") != std::string::npos);
  CHECK(error_of("a 99999999999999999999999").find("a value below 2^63") != std::string::npos);
  CHECK(error_of("a 9223372036854775806\nb 2").find("values that add up to less than 2^63") != std::string::npos);
  CHECK(error_of(gzip("a 1\n") + "x").compare(0, 13, "folded: byte ") == 0);

  decode_limits limits;
  limits.max_stack_depth = 3;
  CHECK(error_of("a;b;c;d 1", limits).find("a stack of at most 3 frames") != std::string::npos);
  limits.max_samples = 1;
  CHECK(error_of("a 1\nb 1", limits).find("at most 1 lines") != std::string::npos);
  limits = decode_limits();
  limits.max_memory = 10'000;
  CHECK(error_of("a 1\n" + std::string(10'000, 'x') + " 1", limits) == "folded: line 2: expected a profile of at most 10000 bytes of memory, found more");
  limits.max_bytes = 5;
  CHECK(error_of("a;b;c;d 1", limits).find("a file of at most 5 bytes") != std::string::npos);
  limits = decode_limits();
  limits.max_frames = 10;
  CHECK(error_of("a;b;c;d;e;f 1\na;b;c;d;e;f 1\n", limits).find("at most 10 frames in all lines") != std::string::npos);
}

TEST_CASE("any text is an error or a profile") {
  const std::string alphabet = "ab; \t\n\r0123.-\xff\x1f\x8b";
  std::mt19937 random(3);
  for (int i = 0; i < 5'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 60; n > 0; --n) text += alphabet[random() % alphabet.size()];
    decode_any_profile(text);
  }
}

}  // namespace folded_decoder_test
