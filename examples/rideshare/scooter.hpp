#pragma once

#include "city.hpp"

ride order_scooter(double search_radius);
