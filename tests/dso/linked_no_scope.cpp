// The program has the profiler but no scope; all scopes are in its libraries.
#include "expect.hpp"

__attribute__((visibility("default"))) void in_a(int depth, void (*back)(int));

namespace {
int called_back = 0;
void back(int) { ++called_back; }
}  // namespace

int main() {
  auto profiler = pyro::configure(pyro_test::counting_only());
  if (!dso::expect_runs(profiler)) return dso::result();
  for (int i = 0; i < 10; ++i) in_a(3, &back);
  dso::expect(called_back == 10, "called back");
  dso::expect_profile(profiler.collect_now(),
                      {{"a", 10},
                       {"a;dso::branch", 10},
                       {"a;dso::branch;leaf", 10},
                       {"a;b", 10},
                       {"a;b;dso::branch {b=3}", 10},
                       {"a;b;dso::branch;leaf {b=3}", 10},
                       {"a;b;templated {b=3}", 10},
                       {"a;b;templated;leaf {b=3}", 10}},
                      "libraries alone");
  return dso::result();
}
