// expect: error: static assertion failed.*: pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value\(your_type\) for other types$
#include <pyro/pyro.hpp>

struct thing {};

void f(const thing& t, const char* text) {
  (void)t, (void)text;
#ifdef BAD
  PYRO_SCOPE_DYNAMIC(t);  // here
#else
  PYRO_SCOPE_DYNAMIC(text);
#endif
}
