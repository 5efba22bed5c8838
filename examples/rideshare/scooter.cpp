#include "scooter.hpp"

#include "utility.hpp"

#include <pyro/pyro.hpp>

ride order_scooter(double search_radius) {
  PYRO_SCOPE();
  const ride best = find_nearest_vehicle(search_radius, "scooter");
  record_trip(2);
  return best;
}
