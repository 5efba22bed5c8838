#pragma once

#include "city.hpp"

ride order_bike(double search_radius);
