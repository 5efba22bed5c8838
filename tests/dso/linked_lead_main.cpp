// Only a library includes the profiler and starts it; this program and two other libraries have scopes.
#include "linked_expected.hpp"

#include <cstdio>
#include <map>
#include <string>

int main() {
  linked::run();  // off
  const std::string error = lead_start();
  if (!error.empty()) return std::fprintf(stderr, "failed: %s\n", error.c_str()), 1;
  for (int i = 0; i < 4; ++i) linked::run();
  std::map<std::string, int> sorted;
  for (const char* path : linked::expected) sorted[path] = 4;
  std::string want;
  for (const auto& r : sorted) want += "  " + std::to_string(r.second) + "  " + r.first + "\n";
  const std::string got = lead_counts();
  if (got == want) return 0;
  std::fprintf(stderr, "failed: counted by the library\nexpected:\n%sgot:\n%s", want.c_str(), got.c_str());
  return 1;
}
