// The program of the live view's tests; with the name of a scenario, the program that such a test looks at (scenarios.cpp).
#include "../runner.hpp"

#include <cstring>

int run_scenario(const char* name);

int main(int count, char** values) {
  if (count > 2 && std::strcmp(values[1], "scenario") == 0) return run_scenario(values[2]);
  return pyro_test::run_tests(count, values);
}
