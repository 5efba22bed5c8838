#include <pyro/encode/zlib.hpp>
#include <pyro/profiler.hpp>

#include <cstdio>

int other();

int main() {
  pyro::config config;
  config.outputs = "null";
  config.background = false;
  auto profiler = pyro::configure(config);
  other();
  other();
  const auto calls = profiler.collect_now().total(0);
  std::printf("pyro %s counted %ld calls\n", PYRO_VERSION, static_cast<long>(calls));
  return calls == 2 ? 0 : 1;
}
