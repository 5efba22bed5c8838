// expect: error: expected '[})]'( before numeric constant)?$
#include <pyro/pyro.hpp>

void f() {
#ifdef BAD
  PYRO_SCOPE(42);  // here
#else
  PYRO_SCOPE("42");
#endif
}
