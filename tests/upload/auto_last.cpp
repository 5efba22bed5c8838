// The same with the uploader included before what starts it.
#include <pyro/export/pyroscope.hpp>

#include <pyro/auto.hpp>

#include "auto_work.hpp"

int main() { return auto_work(); }
