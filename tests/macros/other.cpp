#include <pyro/pyro.hpp>

namespace first {
#ifndef UNITY
#include "uses.hpp"
#endif
}  // namespace first

long run_other();
long run_other() {
  PYRO_SCOPE();
  PYRO_TAG("file", "other");
  return first::run_all();
}
