#pragma once
// Catch2's runner, compiled once for all programs of a build that need it (runner.cpp).

namespace pyro_test {

/// Runs the tests that the arguments select; what main returns.
int run_tests(int count, char** values);

}  // namespace pyro_test
