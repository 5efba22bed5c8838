// The sample ring: order, wrap-around, refusal as a whole, and one producer beside one consumer.
#include <pyro/core/ring.hpp>

#include <catch2/catch.hpp>

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace ring_test {

using pyro::core::word_ring;

namespace {

template <class Ring>
std::vector<std::uint64_t> take(Ring& ring, std::size_t count) {
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(ring.peek(i));
  ring.pop(count);
  return out;
}

}  // namespace

TEST_CASE("an empty ring has nothing, and words come out in the order they went in") {
  word_ring<8> ring;
  REQUIRE(ring.size() == 0);
  const std::uint64_t words[] = {1, 2, 3};
  REQUIRE(ring.push(words, 3));
  REQUIRE(ring.size() == 3);
  REQUIRE(take(ring, 3) == std::vector<std::uint64_t>{1, 2, 3});
  REQUIRE(ring.size() == 0);
}

TEST_CASE("a ring takes exactly as many words as it has places") {
  word_ring<8> ring;
  const std::uint64_t words[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  REQUIRE_FALSE(ring.push(words, 9));
  REQUIRE(ring.size() == 0);
  REQUIRE(ring.push(words, 8));
  REQUIRE_FALSE(ring.push(words, 1));
  REQUIRE(take(ring, 8) == std::vector<std::uint64_t>(words, words + 8));
}

TEST_CASE("a record that does not fit is refused whole and leaves the others alone") {
  word_ring<8> ring;
  const std::uint64_t first[] = {1, 2, 3, 4, 5, 6};
  const std::uint64_t second[] = {7, 8, 9};
  REQUIRE(ring.push(first, 6));
  REQUIRE_FALSE(ring.push(second, 3));
  REQUIRE(ring.size() == 6);
  REQUIRE(take(ring, 2) == std::vector<std::uint64_t>{1, 2});
  REQUIRE(ring.push(second, 3));
  REQUIRE(take(ring, 7) == std::vector<std::uint64_t>{3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("records wrap around the end of the ring") {
  word_ring<8> ring;
  std::uint64_t next = 0, expected = 0;
  for (int round = 0; round < 1000; ++round) {
    const std::uint64_t record[] = {next, next + 1, next + 2};
    REQUIRE(ring.push(record, 3));
    next += 3;
    if (round % 2 == 1)
      for (const std::uint64_t word : take(ring, 6)) REQUIRE(word == expected++);
  }
}

TEST_CASE("clearing a ring drops what waits, and it works on") {
  word_ring<8> ring;
  const std::uint64_t words[] = {1, 2, 3, 4, 5};
  REQUIRE(ring.push(words, 5));
  ring.clear();
  REQUIRE(ring.size() == 0);
  REQUIRE(ring.push(words, 5));
  REQUIRE(take(ring, 5) == std::vector<std::uint64_t>{1, 2, 3, 4, 5});
}

TEST_CASE("one producer and one consumer: nothing is lost, torn or out of order") {
  constexpr std::uint64_t records = 200'000;
  auto ring = std::make_unique<word_ring<64>>();
  std::uint64_t refused = 0;
  std::thread producer([&] {
    for (std::uint64_t i = 1; i <= records; ++i) {
      const std::uint64_t words[] = {i, ~i, i * 3};
      while (!ring->push(words, 3)) {
        ++refused;
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t expected = 1;
  bool whole = true;
  while (expected <= records) {
    if (ring->size() < 3) {
      std::this_thread::yield();
      continue;
    }
    const std::uint64_t a = ring->peek(0), b = ring->peek(1), c = ring->peek(2);
    ring->pop(3);
    whole = whole && a == expected && b == ~expected && c == expected * 3;
    ++expected;
  }
  producer.join();
  REQUIRE(whole);
  REQUIRE(ring->size() == 0);
  INFO("the producer waited " << refused << " times");
}

}  // namespace ring_test
