// The one file of the tests that includes the uploader, as a program does.
#include "pusher.hpp"

#include <pyro/profiler.hpp>

#include <pyro/encode/zlib.hpp>
#include <pyro/export/pyroscope.hpp>
#include <pyro/export/tls.hpp>

std::shared_ptr<pyro::exporter> pyro_test::make_pusher(const pyro::config& settings) {
  return std::make_shared<pyro::pyroscope_exporter>(settings, settings.log);
}
