#pragma once
// Starts the profiler from the environment, before main: include it in one file of the program, change nothing else.
//
//     PYRO=report ./server                                tree and top on stderr at the end
//     PYRO=pprof:/tmp/%w.pb.gz,text:profile.txt ./server
//
// Without PYRO (or PYRO_OUTPUTS, a server's address, or PYRO_SERVE) it stays off. A later `pyro::configure` takes over.

#include <pyro/profiler.hpp>

namespace pyro {
namespace detail PYRO_HIDDEN {

inline bool start_from_environment() noexcept {
  bool wanted = false;
  for (const char* name : {"PYRO", "PYRO_OUTPUTS", "PYRO_SERVER_ADDRESS", "PYROSCOPE_SERVER_ADDRESS", "PYRO_SERVE", "PYRO_SERVE_ADDRESS"}) {
    const char* value = std::getenv(name);
    wanted |= value != nullptr && *value != '\0';
  }
  if (!wanted) return false;
  PYRO_TRY { return checks::start(config{}, true).empty(); }
  PYRO_CATCH_ALL {}
  return false;
}

/// One for all files of a module that include this.
inline const bool started_from_environment = start_from_environment();

}  // namespace detail
}  // namespace pyro
