#pragma once
// The instrumented half of both plugins.

#include "plugin.hpp"

#include <thread>
#include <vector>

namespace {

void work(int depth, void (*back)(int)) {
  PYRO_SCOPE("plugin");
  PYRO_TAG("depth", depth);
  dso::branch();
  dso::templated(depth);
  if (back != nullptr) back(depth);
}

void work_in_threads(int count, void (*back)(int)) {
  std::vector<std::thread> all;
  for (int i = 0; i < count; ++i)
    all.emplace_back([back] {
      PYRO_TAG("made_by", "plugin");
      work(0, back);
    });
  for (std::thread& t : all) t.join();
}

bool is_fast_here() { return pyro::core::this_slot != nullptr; }

}  // namespace
