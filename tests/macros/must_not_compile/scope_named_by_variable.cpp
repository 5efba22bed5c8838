// expect: error: expected '[})]'( before 'variable')?$
#include <pyro/pyro.hpp>

void f(const char* variable) {
  (void)variable;
#ifdef BAD
  PYRO_SCOPE(variable);  // here
#else
  PYRO_SCOPE("literal");
#endif
}
