// A fast and a slow function, told apart by their scopes and by a tag; the report comes at the end of the program.
#include <pyro/profiler.hpp>

#include <iostream>

static unsigned long long work(long steps) {
  PYRO_SCOPE();
  unsigned long long number = 42;
  for (long i = 0; i < steps; ++i) number = number * 6364136223846793005 + (number >> 33);
  return number;
}

static unsigned long long fast_function() {
  PYRO_TAG("function", "fast");  // for the rest of this block
  PYRO_SCOPE();
  return work(20'000'000);
}

static unsigned long long slow_function() {
  PYRO_TAG("function", "slow");
  PYRO_SCOPE();
  return work(80'000'000);
}

int main() {
  pyro::config config;
  config.application_name = "simple";
  config.outputs = "report";  // PYRO=pprof:simple.pb.gz in the environment asks for something else
  const auto profiler = pyro::configure(config);

  unsigned long long sum = 0;
  for (int i = 0; i < 20; ++i) sum += fast_function() + slow_function();
  std::cout << "result: " << sum << '\n';
}
