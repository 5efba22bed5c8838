// A plugin of truth.cpp's: work within it, with and without a scope, and a call back.
#include <pyro/pyro.hpp>

#define NOINLINE __attribute__((noinline))

namespace plugin {

NOINLINE void with_scope(void (*spend)()) {
  PYRO_SCOPE();
  spend();
  __asm__ volatile("" ::: "memory");
}
NOINLINE void without_scope(void (*spend)()) {
  spend();
  __asm__ volatile("" ::: "memory");
}

}  // namespace plugin

extern "C" __attribute__((visibility("default"))) void plugin_work(void (*in_scope)(), void (*outside)()) {
  plugin::with_scope(in_scope);
  plugin::without_scope(outside);
  __asm__ volatile("" ::: "memory");
}
