// expect: error: expected '[})]'( before 'variable')?$
#include <pyro/pyro.hpp>

void f(const char* variable, int x) {
  (void)variable;
#ifdef BAD
  PYRO_TAG(variable, x);  // here
#else
  PYRO_TAG("key", x);
#endif
}
