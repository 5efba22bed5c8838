// A server in small, for the gate's test: handles requests for so much CPU time. usage: worker SECONDS PERCENT
// The request becomes PERCENT slower, all of it by one function, which takes six tenths of it.
#include <pyro/profiler.hpp>

#include <cstdint>
#include <cstdlib>
#include <ctime>

static volatile std::uint64_t sink;

static void spin(long steps) {
  std::uint64_t number = sink | 1U;
  for (long i = 0; i < steps; ++i) number = number * 6364136223846793005U + (number >> 33U);
  sink = number;
}

static void parse(long steps) {
  PYRO_SCOPE();
  spin(steps);
}
static void search(long steps) {
  PYRO_SCOPE();
  spin(steps);
}
static void render(long steps) {
  PYRO_SCOPE();
  spin(steps);
}

static void handle_request(double percent) {
  PYRO_SCOPE();
  constexpr long unit = 20'000;  // about half a millisecond a request
  parse(3 * unit);
  search(static_cast<long>((6 + percent / 10) * unit));
  render(unit);
}

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 1;
  const double percent = count > 2 ? std::atof(arguments[2]) : 0;
  pyro::config config;
  config.application_name = "worker";
  config.sample_rate = 250;
  config.stacks = "scopes";
  const auto profiler = pyro::configure(config);
  const auto used = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  };
  for (const double end = used() + seconds; used() < end;) handle_request(percent);
  return profiler ? 0 : 1;
}
