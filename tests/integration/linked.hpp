#pragma once
// The two shared libraries of linked_main.cpp, and what all three modules have inline.

#include <pyro/pyro.hpp>

#include <string>

#define EXPORTED __attribute__((visibility("default")))

inline void everywhere() { PYRO_SCOPE("everywhere"); }

using callback = void (*)(int);

EXPORTED void library_one(int depth, callback back);
EXPORTED void library_two(int depth, callback back);

/// Library one can hold the profiler as well: then it leads the process.
EXPORTED std::string start_in_library_one();
EXPORTED std::string calls_in_library_one();
