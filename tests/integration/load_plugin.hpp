#pragma once
// dlopen for hosts of plugins.

#include "plugin.hpp"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>

namespace pyro_test {

class loaded_plugin {
 public:
  loaded_plugin(const std::string& path, int flags) : handle_(::dlopen(path.c_str(), flags)) {
    if (handle_ == nullptr) {
      std::fprintf(stderr, "%s\n", ::dlerror());
      std::exit(3);
    }
    functions_ = reinterpret_cast<plugin_entry>(::dlsym(handle_, "pyro_test_plugin"))();
  }
  const plugin_functions* operator->() const { return functions_; }
  void close() { ::dlclose(handle_); }

 private:
  void* handle_;
  const plugin_functions* functions_;
};

/// "local" or "global".
inline int flags_of(const std::string& how) { return RTLD_NOW | (how == "global" ? RTLD_GLOBAL : RTLD_LOCAL); }

/// Resident bytes of this process.
inline long resident_bytes() {
  long pages = 0, resident = 0;
  if (std::FILE* f = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(f, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(f);
  }
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace pyro_test
