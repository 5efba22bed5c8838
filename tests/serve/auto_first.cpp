// Starts from the environment; the live view is included after what starts it. Runs until it is told to end.
#include <pyro/auto.hpp>

#include <pyro/export/serve.hpp>

#include <cstdio>

int main() {
  while (std::getchar() != EOF) {
  }
  return 0;
}
