// Two files of one program share inline functions and a template with scopes: one node a path, whichever file's copy runs.
#include "expect.hpp"
#include "files.hpp"

int main() {
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return dso::result();
  for (int i = 0; i < 3; ++i) {
    PYRO_SCOPE("main");
    dso::branch();
    dso::templated(i);
    dso::templated(0.5);
    other_file_unscoped();
    other_file(5);
  }
  dso::expect_profile(profiler.collect_now(),
                      {{"main", 3},
                       {"main;dso::branch", 6},
                       {"main;dso::branch;leaf", 6},
                       {"main;templated", 12},
                       {"main;templated;leaf", 12},
                       {"main;other", 3},
                       {"main;other;dso::branch", 15},
                       {"main;other;dso::branch;leaf", 15},
                       {"main;other;templated", 15},
                       {"main;other;templated;leaf", 15}},
                      "two files");
  dso::expect_profile(profiler.collect_now(), {}, "an empty window");
  return dso::result();
}
