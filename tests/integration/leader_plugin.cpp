// A plugin that starts a profiler from the environment when it is loaded, and can try to configure one.
#include "plugin.hpp"

#include <pyro/auto.hpp>

#include <string>

namespace {

void work(int depth, void (*back)(int)) {
  PYRO_SCOPE("plugin");
  everywhere();
  if (back != nullptr) back(depth);
}

void work_in_thread(void (*)(int)) {}

const char* start_profiler() {
  static std::string error;
  pyro::config config;
  config.log = [](pyro::log_level, const std::string&) {};
  auto profiler = pyro::configure(config);
  error = profiler.error();
  return error.c_str();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const plugin_functions* pyro_test_plugin() {
  static const plugin_functions functions{&work, &work_in_thread, &start_profiler};
  return &functions;
}
