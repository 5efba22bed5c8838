// expect: error: static assertion failed.*: pyro: a value is text, an integer, a bool or an enum; overload pyro_tag_value\(your_type\) for other types$
#include <pyro/pyro.hpp>

struct thing {
  int member;
};
#ifndef BAD
inline int pyro_tag_value(const thing& t) { return t.member; }
#endif

void f(const thing& t) {
  PYRO_TAG("k", t);  // here
}
