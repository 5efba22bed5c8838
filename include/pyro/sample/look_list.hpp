#pragma once
// Whom the observer looks at: all threads while there is time for all, else a part of them that is drawn anew for each round. Those that ran of
// late come first, since a thread that sleeps has nothing to say. Each is drawn with a known probability: its inverse is the look's weight
// (Horvitz and Thompson 1952). Under the registry's lock; not signal safe.

#include <pyro/sample/thread.hpp>
#include <pyro/sample/thread_table.hpp>

#include <cstddef>  // size_t
#include <cstdint>  // fixed-width integers
#include <utility>  // swap

namespace pyro {
namespace sampling PYRO_HIDDEN {

class look_list {
 public:
  struct drawn {
    thread* who;
    double weight;  ///< one over the probability of being drawn
  };
  static constexpr std::size_t most = 512;  ///< in a round

  std::size_t size() const noexcept { return size_; }
  std::size_t awake() const noexcept { return awake_; }
  const thread& at(std::size_t place) const noexcept { return *places_[place]; }

  void add(thread& t) noexcept {
    if (t.watch.listed || size_ == thread_table::capacity) return;
    t.watch.listed = true;
    t.watch.quiet = 0;
    put(t, size_++);
    wake(t);
  }
  void remove(thread& t) noexcept {
    if (!t.watch.listed) return;
    rest(t);
    exchange(t.watch.place, --size_);
    t.watch.listed = false;
  }
  void wake(thread& t) noexcept {
    if (t.watch.place >= awake_) exchange(t.watch.place, awake_++);
  }
  void rest(thread& t) noexcept {
    if (t.watch.place < awake_) exchange(t.watch.place, --awake_);
  }
  void clear() noexcept { size_ = awake_ = 0; }

  /// Those of a round, `room` at most but one of each kind at least. A quarter is for those that sleep, where there are that many. `random`: any 64 bits.
  std::size_t draw(std::size_t room, std::uint64_t random, drawn (&out)[most]) const noexcept {
    if (room > most) room = most;
    if (room < 2) room = 2;
    const std::size_t asleep = size_ - awake_;
    std::size_t for_awake = awake_ < room ? awake_ : room;
    std::size_t for_asleep = room - for_awake;
    if (for_asleep < (room + 3) / 4) for_asleep = (room + 3) / 4;
    if (for_asleep > asleep) for_asleep = asleep;
    if (for_awake > room - for_asleep) for_awake = room - for_asleep;
    std::size_t n = 0;
    take(0, awake_, for_awake, random >> 32, out, n);
    take(awake_, asleep, for_asleep, random & 0xffffffffU, out, n);
    return n;
  }

 private:
  /// `count` neighbours of `among` from a random place on: each is drawn with the same probability.
  void take(std::size_t first, std::size_t among, std::size_t count, std::uint64_t random, drawn (&out)[most], std::size_t& n) const noexcept {
    if (count == 0) return;
    const auto begin = static_cast<std::size_t>(random * among >> 32);
    const double weight = static_cast<double>(among) / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i) out[n++] = {places_[first + (begin + i) % among], weight};
  }
  void put(thread& t, std::size_t place) noexcept {
    places_[place] = &t;
    t.watch.place = static_cast<std::uint32_t>(place);
  }
  void exchange(std::size_t one, std::size_t other) noexcept {
    thread *const a = places_[one], *const b = places_[other];
    put(*b, one);
    put(*a, other);
  }

  thread* places_[thread_table::capacity];  // those awake first; untouched beyond `size_`
  std::size_t size_ = 0, awake_ = 0;
};

}  // namespace sampling
}  // namespace pyro
