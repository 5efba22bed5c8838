#pragma once
// What the programs here check with: they print what differs and return 1.

#include "../integration/rows.hpp"

#include <cstdio>
#include <set>
#include <string>

namespace dso {

using pyro_test::counts;

inline int failures = 0;

inline bool expect(bool ok, const std::string& what) {
  if (ok) return true;
  ++failures;
  std::fprintf(stderr, "failed: %s\n", what.c_str());
  return false;
}

inline void expect_text(const std::string& got, const std::string& want, const std::string& what) {
  expect(got == want, what + "\nexpected:\n" + want + "got:\n" + got);
}

inline void expect_counts(const counts& got, const counts& want, const std::string& what) {
  expect_text(pyro_test::print(got), pyro_test::print(want), what);
}

/// Exact calls, nothing lost, and one row a path and label set: copies of a site in several modules are one place.
inline void expect_profile(const pyro::profile& p, const counts& want, const std::string& what) {
  expect_counts(pyro_test::calls_of(p), want, what);
  std::set<std::string> seen;
  for (const pyro::sample& s : p.samples) {
    const std::string name = pyro_test::name_of_row(p, s);
    expect(seen.insert(name).second, what + ": two rows for " + name);
  }
  expect(p.lost.budget == 0 && p.lost.tag_values == 0 && p.lost.threads == 0, what + ": something was lost");
}

inline bool expect_runs(const pyro::profiler& p) { return expect(static_cast<bool>(p), "configure: " + p.error()); }

inline counts times(counts c, std::int64_t factor) {
  for (auto& r : c) r.second *= factor;
  return c;
}

inline int result() {
  if (failures != 0) std::fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}

}  // namespace dso
