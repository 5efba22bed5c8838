// rideshare.py in C++: the same orders, tags and shares, without the HTTP server.
// usage: REGION=eu-north PYROSCOPE_SERVER_ADDRESS=URL rideshare SECONDS
#include <pyro/encode/zlib.hpp>
#include <pyro/export/pyroscope.hpp>
#include <pyro/profiler.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

static double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

static void work(double radius) {
  PYRO_SCOPE();
  const double end = cpu_seconds() + radius * 0.1;
  while (cpu_seconds() < end)
    for (int i = 0; i < 200; ++i) __asm__ volatile("");
}

static void check_driver_availability(double radius) {
  PYRO_SCOPE();
  work(radius / 2);
}

static void find_nearest_vehicle(double radius, const char* vehicle) {
  PYRO_TAG("vehicle", vehicle);
  PYRO_SCOPE();
  work(radius);
  if (radius == 0.4) check_driver_availability(radius);
}

static void order_bike() {
  PYRO_SCOPE();
  find_nearest_vehicle(0.2, "bike");
}
static void order_scooter() {
  PYRO_SCOPE();
  find_nearest_vehicle(0.3, "scooter");
}
static void order_car() {
  PYRO_SCOPE();
  find_nearest_vehicle(0.4, "car");
}

int main(int argc, char** argv) {
  pyro::config config;
  config.application_name = "ride-sharing-app";
  config.tags = {{"region", std::getenv("REGION")}};
  auto profiler = pyro::configure(config);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(argc > 1 ? std::atof(argv[1]) : 10);
  while (std::chrono::steady_clock::now() < end) {
    order_bike();
    order_scooter();
    order_car();
  }
  std::printf("cpu_seconds=%.2f\n", cpu_seconds());
  std::fflush(stdout);
}
