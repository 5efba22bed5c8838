// A program as anybody has one: pyro::doctor is not mentioned. Built plain, stripped, and static and stripped; doctor.cpp looks at what PYRO=doctor says.
#include <pyro/auto.hpp>

#include <cstdio>
#include <ctime>

int main() {
  PYRO_SCOPE("work");
  while (std::clock() < CLOCKS_PER_SEC / 20) {
  }
  std::puts("done");
}
