// A plugin that is instrumented and knows of no profiler.
#include "plugin_work.hpp"

extern "C" __attribute__((visibility("default"))) const plugin_table* dso_plugin() {
  static constexpr plugin_table table{&work, &work_in_threads, &is_fast_here, nullptr, nullptr, nullptr};
  return &table;
}
