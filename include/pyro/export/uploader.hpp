#pragma once
// Where an uploader is found that the program has included: pyro/export/pyroscope.hpp puts itself here before main, and pyro/export/tls.hpp its
// TLS. The runtime looks at the first export, because static initialisers run in no order that an including file could count on.

#include <pyro/config.hpp>
#include <pyro/core/abi.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace pyro {
namespace detail PYRO_HIDDEN {

/// An exporter that pushes to `server_address`. Null, and why, where that can't be. `log` may be called from any thread of the exporter's.
using make_uploader = std::shared_ptr<exporter> (*)(const config& settings, log_callback log, std::string& why_not);

class secure_layer;
struct tls_files;

/// TLS (pyro/export/http.hpp). Null, and why, where a file cannot be used.
using make_secure_layer = std::unique_ptr<secure_layer> (*)(const tls_files&, std::string& why_not);

// Hidden: each executable or shared object has its own, so that none calls into another that has been unloaded.
inline std::atomic<make_uploader> uploader_slot{nullptr};
inline std::atomic<make_secure_layer> tls_slot{nullptr};

}  // namespace detail
}  // namespace pyro
