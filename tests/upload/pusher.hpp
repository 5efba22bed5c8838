#pragma once
// What of the uploader the tests see: Boost is compiled in pusher.cpp alone.

#include <pyro/config.hpp>

#include <memory>

namespace pyro_test {

/// A pyroscope_exporter.
std::shared_ptr<pyro::exporter> make_pusher(const pyro::config& settings);

}  // namespace pyro_test
