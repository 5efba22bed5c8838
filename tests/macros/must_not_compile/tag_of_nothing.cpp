// expect: error: (invalid use of void expression|no matching (constructor|function) .*)$
#include <pyro/pyro.hpp>

void nothing();

void f() {
#ifdef BAD
  PYRO_TAG("k", nothing());  // here
#else
  PYRO_TAG("k", (nothing(), 1));
#endif
}
