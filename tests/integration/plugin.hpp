#pragma once
// The plugins of plugin_host.cpp and leader_host.cpp: what a host asks of them, and what both have inline.

#include <pyro/pyro.hpp>

inline void everywhere() { PYRO_SCOPE("everywhere"); }

/// Counted in each module that has it, whichever copy the loader takes.
inline void shared_by_name() {
  PYRO_SCOPE();
  PYRO_TAG("shared", "yes");
  everywhere();
}

struct plugin_functions {
  /// Enters a scope, sets a tag and calls back, `depth` times nested.
  void (*work)(int depth, void (*back)(int));
  /// The same scopes in a thread that the plugin makes.
  void (*work_in_thread)(void (*back)(int));
  /// Of a plugin that has a profiler: tries to start it. Empty, or why it could not.
  const char* (*start_profiler)();
};

using plugin_entry = const plugin_functions* (*)();
