// Two translation units with shared inline functions: one tree, each function one row a path, counts of both files added up.
#include "check.hpp"
#include "rows.hpp"
#include "two_files.hpp"

namespace {

void same_name() { PYRO_SCOPE("of this file"); }

}  // namespace

int main() {
  auto profiler = pyro::configure(pyro_test::counting_only());
  CHECK(profiler);
  for (int i = 0; i < 3; ++i) {
    shared_function(2);
    shared_template(7);
    shared_template("text");
    shared_lambda(0);
    shared_class::make();
    const shared_class object;
    same_name();
  }
  other_file(5);
  {
    PYRO_SCOPE("other_file");  // a name by hand is the same row as the function's own
    shared_function(2);
  }
  const pyro_test::counts expected{{"shared_function", 3},
                                   {"shared_function;shared leaf {leaves=2}", 6},
                                   {"shared template", 6},
                                   {"shared template;shared leaf {value=7}", 3},
                                   {"shared template;shared leaf {value=text}", 3},
                                   {"shared lambda", 3},
                                   {"static member", 3},
                                   {"static member;once", 1},
                                   {"constructor", 3},
                                   {"destructor", 3},
                                   {"of this file", 3},
                                   {"other_file", 2},
                                   {"other_file;shared_function", 6},
                                   {"other_file;shared_function;shared leaf {leaves=2}", 12},
                                   {"other_file;shared template", 5},
                                   {"other_file;shared template;shared leaf {value=7}", 5},
                                   {"other_file;shared lambda", 5},
                                   {"other_file;shared lambda;shared leaf", 5},
                                   {"other_file;static member", 5},
                                   {"other_file;constructor", 5},
                                   {"other_file;destructor", 5},
                                   {"other_file;of the other file", 5}};
  // Sites differ in file and line, so rows of equal names may be several; the table adds them up.
  CHECK_EQUAL(pyro_test::calls_of(profiler.collect_now()), expected);
  return pyro_test::result();
}
