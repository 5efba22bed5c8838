#pragma once
// What differences between two unwinders are told by.
#include <cstdint>
#include <cstdio>
#include <dlfcn.h>
#include <string>

/// `sort in /usr/bin/program+0x1234`. Not signal safe.
inline std::string name_of(std::uintptr_t pc) {
  Dl_info info{};
  ::dladdr(reinterpret_cast<void*>(pc), &info);
  char text[256];
  std::snprintf(text, sizeof text, "%s in %s+%#lx", info.dli_sname ? info.dli_sname : "?", info.dli_fname ? info.dli_fname : "?",
                static_cast<unsigned long>(pc - reinterpret_cast<std::uintptr_t>(info.dli_fbase)));
  return text;
}
