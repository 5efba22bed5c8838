// What of Catch2 takes long to compile.
#include "runner.hpp"

#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

int pyro_test::run_tests(int count, char** values) { return Catch::Session().run(count, values); }
