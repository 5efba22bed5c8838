#include <pyro/pyro.hpp>

#include <ctime>
#include <string>

void order(const std::string& vehicle, int milliseconds);

/// Runs for so long on the CPU.
void order(const std::string& vehicle, int milliseconds) {
  PYRO_TAG("vehicle", vehicle);
  PYRO_SCOPE();
  const std::clock_t end = std::clock() + milliseconds * (CLOCKS_PER_SEC / 1000);
  while (milliseconds > 0 && std::clock() < end) {
  }
}
