// expect: error: (macro "PYRO_TAG" requires 2 arguments, but only 1 given|too few arguments provided to function-like macro invocation)$
#include <pyro/pyro.hpp>

void f() {
#ifdef BAD
  PYRO_TAG("k");  // here
#else
  PYRO_TAG("k", "v");
#endif
}
