// A plugin that is instrumented and knows nothing of any profiler.
#include "plugin.hpp"

#include <string>
#include <thread>

namespace {

void work(int depth, void (*back)(int)) {
  PYRO_SCOPE("plugin");
  PYRO_TAG("depth", depth);
  PYRO_TAG("from", "plugin");
  everywhere();
  shared_by_name();
  if (back != nullptr) back(depth);
}

void work_in_thread(void (*back)(int)) {
  std::thread([back] {
    PYRO_THREAD("plugin's");
    PYRO_TAG("made", std::string("by plugin"));
    work(0, back);
  }).join();
}

const char* start_profiler() { return "this plugin has none"; }

}  // namespace

extern "C" __attribute__((visibility("default"))) const plugin_functions* pyro_test_plugin() {
  static const plugin_functions functions{&work, &work_in_thread, &start_profiler};
  return &functions;
}
