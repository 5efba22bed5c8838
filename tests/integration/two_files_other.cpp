#include "two_files.hpp"

namespace {

void same_name() { PYRO_SCOPE("of the other file"); }

}  // namespace

void other_file(int rounds) {
  PYRO_SCOPE();
  for (int i = 0; i < rounds; ++i) {
    shared_function(2);
    shared_template(7);
    shared_lambda(1);
    shared_class::make();
    const shared_class object;
    same_name();
  }
}
