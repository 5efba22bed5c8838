// The one module of its program that includes the profiler.
#include "expect.hpp"
#include "linked.hpp"

namespace {
pyro::profiler running;
std::string text;
}  // namespace

const char* lead_start() {
  running = pyro::configure(pyro_test::counting_only());
  text = running.error();
  return text.c_str();
}

const char* lead_counts() {
  text = pyro_test::print(pyro_test::calls_of(running.collect_now()));
  return text.c_str();
}
