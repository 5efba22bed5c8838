#pragma once
// Checks for programs that are tests: they say what failed and go on; `main` returns `pyro_test::result()`.

#include "../sanitizers.hpp"

#include <cstdio>
#include <sstream>
#include <string>

namespace pyro_test {

inline int failures = 0;
inline int checks = 0;
inline std::string context;  ///< said with each failure, such as the scenario under way

inline bool check(bool good, const char* file, int line, const std::string& text) {
  ++checks;
  if (good) return true;
  ++failures;
  std::fprintf(stderr, "%s:%d: FAILED%s%s: %s\n", file, line, context.empty() ? "" : " in ", context.c_str(), text.c_str());
  return false;
}

template <class A, class B>
bool check_equal(const A& actual, const B& expected, const char* file, int line, const char* text) {
  if (actual == expected) return check(true, file, line, "");
  std::ostringstream out;
  out << text << "\n  is       " << actual << "\n  expected " << expected;
  return check(false, file, line, out.str());
}

inline int result() {
  std::fflush(stdout);
  std::fprintf(stderr, failures == 0 ? "all %d checks passed\n" : "of %d checks %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace pyro_test

#define CHECK(...) ::pyro_test::check(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
#define CHECK_EQUAL(actual, ...) ::pyro_test::check_equal(actual, __VA_ARGS__, __FILE__, __LINE__, #actual)
