// Links with other.cpp: two files with the same header, sites and inline functions. Exits with 0 where both agree on what was computed.
// Alone and with -DUNITY it includes the other file instead (a unity build).
#include <pyro/pyro.hpp>
#include <pyro/pyro.hpp>

namespace first {
#include "uses.hpp"
}
namespace second {
#include "uses.hpp"
}

#ifdef UNITY
#include "other.cpp"
#else
long run_other();
#endif

int main() {
  const long sum = first::run_all();
  return sum > 0 && sum == second::run_all() && sum == run_other() ? 0 : 1;
}
