// expect: error: static assertion failed.*: pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value\(your_type\) for other types$
#include <pyro/pyro.hpp>

struct thing {};
#ifdef BAD
inline double pyro_tag_value(const thing&) { return 1.5; }
#else
inline long pyro_tag_value(const thing&) { return 15; }
#endif

void f(const thing& t) {
  PYRO_TAG("k", t);  // here
}
