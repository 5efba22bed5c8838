#include "linked.hpp"

#include "rows.hpp"

namespace {

pyro::profiler& profiler() {
  static pyro::profiler one;
  return one;
}

}  // namespace

void library_one(int depth, callback back) {
  PYRO_SCOPE("one");
  PYRO_TAG("depth", depth);
  everywhere();
  library_two(depth - 1, back);
}

std::string start_in_library_one() {
  profiler() = pyro::configure(pyro_test::counting_only());
  return profiler().error();
}

std::string calls_in_library_one() { return pyro_test::print(pyro_test::calls_of(profiler().collect_now())); }
