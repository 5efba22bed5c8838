#pragma once
// A made-up city: where its vehicles stand and how slow its streets are. It gives the example honest work for the CPU.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

/// A point on the map, in blocks from the north-west corner.
struct place {
  float x = 0;
  float y = 0;
};

/// A vehicle on its way to a rider.
struct ride {
  std::size_t vehicle = 0;
  float minutes = std::numeric_limits<float>::infinity();
};

class city {
 public:
  explicit city(std::uint32_t seed);

  /// How many vehicles stand within `radius` (1 is the whole city) of the centre. They thin out towards the edge, so their number
  /// is proportional to the radius, and so is the work of looking at them all.
  std::size_t vehicles_within(double radius) const noexcept {
    return static_cast<std::size_t>(radius * static_cast<double>(vehicles_.size()) + 0.5);
  }

  /// Where a vehicle stands; number 0 is in the centre, the last one at the edge.
  place vehicle(std::size_t number) const noexcept { return vehicles_[number]; }

  /// How long a drive takes, by the traffic at evenly spaced points of the way: as much work for a short way as for a long one.
  float minutes(place from, place to) const noexcept {
    constexpr int steps = 128;
    const float dx = (to.x - from.x) / steps;
    const float dy = (to.y - from.y) / steps;
    float slowness = 0;
    for (int i = 0; i < steps; ++i) {
      slowness += traffic_[block(from)];
      from.x += dx;
      from.y += dy;
    }
    return slowness * std::sqrt(dx * dx + dy * dy);
  }

  /// Looks at `count` vehicles from the centre outwards (and again from the centre after the last one) while `go_on()` holds;
  /// returns the one that is first at `rider`.
  template <class Condition>
  ride nearest(place rider, std::size_t count, Condition go_on) const {
    ride best;
    for (std::size_t i = 0, vehicle = 0; i < count && go_on(); ++i) {
      const float needed = minutes(vehicles_[vehicle], rider);
      if (needed < best.minutes) best = {vehicle, needed};
      if (++vehicle == vehicles_.size()) vehicle = 0;
    }
    return best;
  }

 private:
  static constexpr std::size_t side = 64;

  static std::size_t block(place p) noexcept {
    return static_cast<std::size_t>(static_cast<int>(p.y)) * side + static_cast<std::size_t>(static_cast<int>(p.x));
  }

  std::vector<float> traffic_;   // minutes for the length of a block, row by row
  std::vector<place> vehicles_;  // sorted by their distance from the centre
};
