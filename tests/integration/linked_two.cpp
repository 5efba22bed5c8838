#include "linked.hpp"

void library_two(int depth, callback back) {
  PYRO_SCOPE("two");
  everywhere();
  back(depth);
}
