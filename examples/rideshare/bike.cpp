#include "bike.hpp"

#include "utility.hpp"

#include <pyro/pyro.hpp>

ride order_bike(double search_radius) {
  PYRO_SCOPE();
  const ride best = find_nearest_vehicle(search_radius, "bike");
  record_trip(1);
  return best;
}
