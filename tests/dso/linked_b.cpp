#include "linked.hpp"

void in_b(int depth, void (*back)(int)) {
  PYRO_SCOPE("b");
  PYRO_TAG("b", depth);
  dso::branch();
  dso::templated(depth);
  if (back != nullptr) back(depth);
}
