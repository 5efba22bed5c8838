// Starts from the environment; the uploader is included after what starts it. Neither TLS nor compression.
#include <pyro/auto.hpp>

#include <pyro/export/pyroscope.hpp>

#include "auto_work.hpp"

int main() { return auto_work(); }
