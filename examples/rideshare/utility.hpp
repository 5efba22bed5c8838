#pragma once
// What the three kinds of orders share.

#include "city.hpp"

#include <chrono>
#include <cstddef>
#include <string_view>

/// Builds the city in which the orders below are served. Region `eu-north` has its trouble with the drivers' lock: calm and busy
/// periods of this length take turns, aligned to the wall clock.
void open_city(std::string_view region, std::chrono::seconds period);

/// Searches the vehicles within the radius for the one that is there first; for cars it also looks whether a driver is free.
ride find_nearest_vehicle(double search_radius, std::string_view vehicle);

/// Stores an order: this many chunks of 64 KiB, of which only the latest few orders' first ones are kept.
void record_trip(std::size_t chunks);
