#pragma once
// A library of default visibility, and one of hidden visibility that it calls.

#include "shared.hpp"

#define DSO_EXPORTED __attribute__((visibility("default")))

/// Enters "a", calls `in_b`.
DSO_EXPORTED void in_a(int depth, void (*back)(int));
/// Enters "b", sets a tag, calls back.
DSO_EXPORTED void in_b(int depth, void (*back)(int));

/// Of the library that has a profiler: starts it (an error's text), prints its counts.
DSO_EXPORTED const char* lead_start();
DSO_EXPORTED const char* lead_counts();
