// The other file of files_main.cpp.
#include "files.hpp"

void other_file(int rounds) {
  PYRO_SCOPE("other");
  for (int i = 0; i < rounds; ++i) {
    dso::branch();
    dso::templated(i);
  }
}

void other_file_unscoped() {
  dso::branch();
  dso::templated(1);
  dso::templated(1.0);
}
