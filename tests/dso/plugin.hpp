#pragma once
// What a host asks of a plugin.

#include "shared.hpp"

struct plugin_table {
  /// Enters "plugin", sets a tag, calls back.
  void (*work)(int depth, void (*back)(int));
  /// `work(0, back)` in `count` threads that the plugin makes, all at once.
  void (*work_in_threads)(int count, void (*back)(int));
  /// Whether the calling thread goes the fast way in the plugin: it takes the slow one once, not at each scope.
  bool (*is_fast_here)();
  /// Of a plugin with a profiler: starts it (an error's text), prints its counts, stops it.
  const char* (*start)();
  const char* (*counts)();
  void (*stop)();
};

using plugin_entry = const plugin_table* (*)();
