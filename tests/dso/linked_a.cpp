#include "linked.hpp"

void in_a(int depth, void (*back)(int)) {
  PYRO_SCOPE("a");
  dso::branch();
  in_b(depth, back);
}
