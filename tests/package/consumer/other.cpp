#include <pyro/pyro.hpp>

int other();

int other() {
  PYRO_SCOPE();
  return 1;
}
