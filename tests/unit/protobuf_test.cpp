// The wire format, against bytes from the protobuf documentation and from hand.
#include <pyro/encode/protobuf.hpp>

#include "pprof_reader.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace protobuf_test {

using pyro::protobuf_writer;
using namespace std::string_literals;

TEST_CASE("a number is a tag and a varint") {
  protobuf_writer w;
  w.integer(1, 150);  // the example of the documentation
  REQUIRE(w.data() == "\x08\x96\x01"s);
}

TEST_CASE("zero is left out, as proto3 wants it") {
  protobuf_writer w;
  w.integer(1, 0);
  w.number(2, 0);
  w.boolean(3, false);
  REQUIRE(w.data().empty());
  w.boolean(3, true);
  REQUIRE(w.data() == "\x18\x01"s);
}

TEST_CASE("negative numbers take ten bytes") {
  protobuf_writer w;
  w.integer(1, -1);
  REQUIRE(w.data() == "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s);
}

TEST_CASE("byte strings have a length and are written even where they are empty") {
  protobuf_writer w;
  w.bytes(2, "testing");
  w.bytes(6, "");
  REQUIRE(w.data() == "\x12\x07testing\x32\x00"s);
}

TEST_CASE("packed numbers share one tag and length; none write nothing") {
  protobuf_writer w;
  w.packed(6, std::vector<std::int64_t>{3, 270, 86942});
  REQUIRE(w.data() == "\x32\x06\x03\x8e\x02\x9e\xa7\x05"s);
  w.clear();
  w.packed(6, std::vector<std::int64_t>{});
  REQUIRE(w.data().empty());
  w.packed(1, std::vector<std::int64_t>{-1, 0});
  REQUIRE(w.data() == "\x0a\x0b\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"s);
}

TEST_CASE("field numbers over 15 take a longer tag") {
  protobuf_writer w;
  w.integer(16, 1);
  w.bytes(1000, "x");
  REQUIRE(w.data() == "\x80\x01\x01\xc2\x3e\x01x"s);
}

TEST_CASE("varints at every boundary read back") {
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t one = std::uint64_t{1} << bit;
    for (const std::uint64_t v : {one - 1, one, std::numeric_limits<std::uint64_t>::max() >> bit}) {
      protobuf_writer w;
      w.packed(1, std::vector<std::uint64_t>{v, v});
      w.number(2, v);
      const auto read = pyro_test::read_message(w.data());
      REQUIRE(pyro_test::read_packed(read.all(1).at(0)) == std::vector<std::uint64_t>{v, v});
      REQUIRE(read.number(2) == v);
    }
  }
}

TEST_CASE("a taken writer gives its bytes away") {
  protobuf_writer w;
  w.raw("\x08\x01");
  REQUIRE(w.take() == "\x08\x01");
}

}  // namespace protobuf_test
