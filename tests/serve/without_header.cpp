// Starts from the environment, without the live view.
#include <pyro/auto.hpp>

int main() { return 0; }
