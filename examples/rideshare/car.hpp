#pragma once

#include "city.hpp"

ride order_car(double search_radius);
