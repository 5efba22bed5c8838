// The program of the uploader's tests; with the name of a scenario, the program that such a test looks at (scenarios.cpp).
#include "../runner.hpp"

#include <csignal>
#include <cstring>

int run_scenario(const char* name);

int main(int count, char** values) {
  if (count > 2 && std::strcmp(values[1], "scenario") == 0) return run_scenario(values[2]);
  std::signal(SIGPIPE, SIG_IGN);  // for the server's OpenSSL; the scenarios are without it
  return pyro_test::run_tests(count, values);
}
