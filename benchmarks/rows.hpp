#pragma once
// What is timed: loops that do nothing but enter and leave. hot_path_rows.cpp has them, and is compiled four times: into the
// executable and into a shared library, each with pyro's macros and (for the empty loop that is subtracted) without.

namespace rows {

struct row {
  const char* what;
  void (*run)(long rounds);
  int entries;        ///< scopes and tags a round; negative: only timed while profiling
  double most_off;    ///< target as a ratio to two raw clock reads; 0: no target, informational
  double most_on;
};

struct table {
  const row* rows;
  int count;
};

// PYRO_BENCHMARK_ROWS is one of these names.
table executable();
table executable_without();
__attribute__((visibility("default"))) table shared_library();
__attribute__((visibility("default"))) table shared_library_without();

}  // namespace rows
