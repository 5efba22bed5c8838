#pragma once
// What two_files.cpp and two_files_other.cpp share: inline functions, templates and lambdas with scopes in them.

#include <pyro/pyro.hpp>

inline void shared_leaf() { PYRO_SCOPE("shared leaf"); }

inline void shared_function(int leaves) {
  PYRO_SCOPE();
  PYRO_TAG("leaves", leaves);
  for (int i = 0; i < leaves; ++i) shared_leaf();
}

template <class T>
void shared_template(T value) {
  PYRO_SCOPE("shared template");
  PYRO_TAG("value", value);
  shared_leaf();
}

inline const auto shared_lambda = [](int n) {
  PYRO_SCOPE("shared lambda");
  if (n > 0) shared_leaf();
};

struct shared_class {
  shared_class() { PYRO_SCOPE("constructor"); }
  ~shared_class() { PYRO_SCOPE("destructor"); }
  static int make() {
    PYRO_SCOPE("static member");
    static const int once = [] {
      PYRO_SCOPE("once");
      return 1;
    }();
    return once;
  }
};

void other_file(int rounds);
