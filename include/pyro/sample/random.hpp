#pragma once
// Random numbers for phases and draws: splitmix64 (Steele, Lea, Flood 2014). Not thread safe, not signal safe.

#include <pyro/platform/system.hpp>

#include <cstdint>  // fixed-width integers

namespace pyro {
namespace sampling PYRO_HIDDEN {

class random_numbers {
 public:
  std::uint64_t next() noexcept {
    if (state_ == 0) state_ = static_cast<std::uint64_t>(platform::monotonic_ns());
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
  }
  /// From 0 to `end` - 1; `end` is positive.
  std::int64_t below(std::int64_t end) noexcept { return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(end)); }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace sampling
}  // namespace pyro
