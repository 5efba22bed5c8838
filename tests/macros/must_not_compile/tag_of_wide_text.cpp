// expect: error: static assertion failed.*: pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value\(your_type\) for other types$
#include <pyro/pyro.hpp>

void f() {
#ifdef BAD
  PYRO_TAG("k", L"wide");  // here
#else
  PYRO_TAG("k", "narrow");
#endif
}
