// A plugin that is instrumented and knows of no profiler.
#include "plugin_work.hpp"

#ifdef PLUGIN_THREAD_LOCALS
extern thread_local char dso_thread_locals[PLUGIN_THREAD_LOCALS];
thread_local char dso_thread_locals[PLUGIN_THREAD_LOCALS];  // with a linker's name: kept though nobody uses it
#endif

extern "C" __attribute__((visibility("default"))) const plugin_table* dso_plugin() {
  static constexpr plugin_table table{&work, &work_in_threads, &is_fast_here, nullptr, nullptr, nullptr};
  return &table;
}
