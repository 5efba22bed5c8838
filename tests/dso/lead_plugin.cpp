// A plugin that brings a profiler of its own.
#include "expect.hpp"
#include "plugin_work.hpp"

namespace {

pyro::profiler running;
std::string text;

const char* start() {
  running = pyro::configure(pyro_test::counting_only());
  text = running.error();
  return text.c_str();
}

const char* counts() {
  text = pyro_test::print(pyro_test::calls_of(running.collect_now()));
  return text.c_str();
}

void stop() { running.stop(); }

}  // namespace

extern "C" __attribute__((visibility("default"))) const plugin_table* dso_plugin() {
  static constexpr plugin_table table{&work, &work_in_threads, &is_fast_here, &start, &counts, &stop};
  return &table;
}
