// expect: error: static assertion failed.*: pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value\(your_type\) for other types$
#include <pyro/pyro.hpp>

void f(const int* number) {
#ifdef BAD
  PYRO_TAG("k", number);  // here
#else
  PYRO_TAG("k", *number);
#endif
}
