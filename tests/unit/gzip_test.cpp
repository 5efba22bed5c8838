// gzip: stored blocks by hand, real compression through zlib.hpp; zlib's inflate is the judge of both.
#include <pyro/encode/gzip.hpp>
#include <pyro/encode/zlib.hpp>

#include "gunzip.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>

namespace gzip_test {

using pyro::detail::gzip_with;
using pyro_test::gunzip;

namespace {

std::string noise(std::size_t size) {
  std::mt19937 random(static_cast<std::uint32_t>(size));
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() & 0xffU);
  return out;
}

bool refuses(const std::string&, std::string& out) {
  out += "half a stream";
  return false;
}

}  // namespace

TEST_CASE("the checksum is that of the standard") {
  REQUIRE(pyro::detail::crc32("") == 0);
  REQUIRE(pyro::detail::crc32("123456789") == 0xcbf43926U);  // the check value of CRC-32/ISO-HDLC
  const std::string data = noise(1000);
  REQUIRE(pyro::detail::crc32(data) == ::crc32(0, reinterpret_cast<const Bytef*>(data.data()), 1000));
}

TEST_CASE("stored gzip reads back at every size around a block") {
  for (const std::size_t size : {0U, 1U, 2U, 65534U, 65535U, 65536U, 131070U, 131071U, 300000U}) {
    const std::string data = noise(size);
    const std::string packed = gzip_with(nullptr, data);
    REQUIRE(gunzip(packed) == data);
    const std::size_t blocks = size == 0 ? 1 : (size + 65534) / 65535;
    REQUIRE(packed.size() == 10 + 5 * blocks + size + 8);
  }
}

TEST_CASE("equal input gives equal bytes: no time, no name") {
  REQUIRE(gzip_with(nullptr, "abc") == std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff"
                                                   "\x01\x03\x00\xfc\xff"
                                                   "abc"
                                                   "\xc2\x41\x24\x35\x03\0\0\0", 26));
}

TEST_CASE("a damaged file is noticed") {
  const std::string packed = gzip_with(nullptr, noise(100));
  for (const std::size_t at : {std::size_t{20}, packed.size() - 8, packed.size() - 1}) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    REQUIRE_THROWS(gunzip(damaged));
  }
  REQUIRE_THROWS(gunzip(packed.substr(0, packed.size() - 1)));
}

TEST_CASE("including zlib.hpp switches compression on") {
  REQUIRE(pyro::detail::compressor_slot.load() == &pyro::detail::deflate_by_zlib);
  const std::string data(100000, 'x');
  const std::string packed = pyro::gzip(data);
  REQUIRE(packed.size() < 1000);
  REQUIRE(packed.substr(0, 10) == gzip_with(nullptr, data).substr(0, 10));
  REQUIRE(gunzip(packed) == data);
}

TEST_CASE("compressed gzip reads back, also of nothing and of noise") {
  for (const std::size_t size : {0U, 1U, 65535U, 300000U}) REQUIRE(gunzip(pyro::gzip(noise(size))) == noise(size));
}

TEST_CASE("where the compressor fails the data is stored") {
  REQUIRE(gzip_with(&refuses, "abc") == gzip_with(nullptr, "abc"));
}

}  // namespace gzip_test
