// What check_off.sh looks at: machine code of functions whose scope or tag is off. -DWITHOUT leaves out the macros, to compare the size.
#include <pyro/pyro.hpp>

extern "C" {

void body(int);

#ifdef WITHOUT
#define MARK(x)
#else
#define MARK(x) x
#endif

#define TEN(x) x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9)
#define FUNCTION(n)       \
  void scope_##n(int x) { \
    MARK(PYRO_SCOPE();)   \
    body(x);              \
  }
TEN(FUNCTION)

void literal_tag(int x) {
  MARK(PYRO_TAG("key", "value");)
  body(x);
}

void text_tag(int x, const char* text) {
  MARK(PYRO_TAG("key", text);)
  body(x);
  static_cast<void>(text);
}

void two(int x) {
  MARK(PYRO_SCOPE();)
  MARK(PYRO_TAG("key", x);)
  body(x);
}
}
