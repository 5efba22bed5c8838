#pragma once
// Where an uploader is found that the program has included: pyro/export/pyroscope.hpp puts itself here before main. The runtime looks at the
// first export, because static initialisers run in no order that an including file could count on.

#include <pyro/config.hpp>
#include <pyro/core/abi.hpp>

#include <atomic>
#include <memory>

namespace pyro::detail {

/// An exporter that pushes to `server_address`. Null, and why, where that can't be. `log` may be called from any thread of the exporter's.
using make_uploader = std::shared_ptr<exporter> (*)(const config& settings, log_callback log, std::string& why_not);

// Hidden: each executable or shared object has its own, so that none calls into another that has been unloaded.
PYRO_HIDDEN inline std::atomic<make_uploader> uploader_slot{nullptr};

}  // namespace pyro::detail
