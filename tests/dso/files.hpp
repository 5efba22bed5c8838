#pragma once
#include "shared.hpp"

void other_file(int rounds);
void other_file_unscoped();
