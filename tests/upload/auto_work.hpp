#pragma once
// Sixty milliseconds of CPU time under a scope.

#include "spend_cpu.hpp"

#include <pyro/pyro.hpp>

inline int auto_work() {
  PYRO_SCOPE("auto_work");
  pyro_test::spend_cpu(60);
  return 0;
}
