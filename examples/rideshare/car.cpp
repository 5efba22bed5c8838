#include "car.hpp"

#include "utility.hpp"

#include <pyro/pyro.hpp>

ride order_car(double search_radius) {
  PYRO_SCOPE();
  const ride best = find_nearest_vehicle(search_radius, "car");
  record_trip(4);
  return best;
}
