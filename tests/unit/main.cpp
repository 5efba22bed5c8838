// The program of all unit tests.
#include "../runner.hpp"

int main(int count, char** values) { return pyro_test::run_tests(count, values); }
