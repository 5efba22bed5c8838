#pragma once
// Inline functions and a template with scopes: every file and module that includes this has copies.

#include <pyro/pyro.hpp>

namespace dso {

inline void leaf() { PYRO_SCOPE("leaf"); }

inline void branch() {
  PYRO_SCOPE();
  leaf();
}

template <class T>
T templated(T value) {
  PYRO_SCOPE("templated");
  leaf();
  return value;
}

}  // namespace dso
