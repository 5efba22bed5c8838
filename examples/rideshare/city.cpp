#include "city.hpp"

#include <random>

city::city(std::uint32_t seed) : traffic_(side * side), vehicles_(250'000) {
  std::minstd_rand random(seed);
  std::uniform_real_distribution<float> slowness(0.2F, 2.0F);
  for (float& minutes : traffic_) minutes = slowness(random);

  constexpr float centre = side / 2.0F;
  std::uniform_real_distribution<float> angle(0.0F, 6.2831853F);
  for (std::size_t i = 0; i < vehicles_.size(); ++i) {
    const float distance = (centre - 1) * static_cast<float>(i) / static_cast<float>(vehicles_.size());
    const float direction = angle(random);
    vehicles_[i] = {centre + distance * std::cos(direction), centre + distance * std::sin(direction)};
  }
}
