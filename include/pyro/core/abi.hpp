#pragma once
// Version, ABI number and the attributes that the hot path relies on. Includes nothing: every other header of core/ starts here.

#define PYRO_VERSION_MAJOR 0
#define PYRO_VERSION_MINOR 1
#define PYRO_VERSION_PATCH 0
#define PYRO_VERSION "0.1.0"

// Layout of what modules of one process share (core/slot.hpp, core/hooks.hpp, core/module.hpp). Modules with different numbers
// do not share a profiler; the later one says so and stays off.
#define PYRO_ABI 1

// Each shared object keeps its own copy of pyro's code and state, whatever its -fvisibility and however it is loaded: then one
// rule (core/module.hpp) covers executables, linked libraries and plugins alike, calls need no PLT, and plugins can be unloaded.
#define PYRO_HIDDEN __attribute__((visibility("hidden")))
#define PYRO_NOINLINE __attribute__((noinline))
#define PYRO_INLINE __attribute__((always_inline)) inline
#define PYRO_COLD __attribute__((cold, noinline))
#define PYRO_LIKELY(x) __builtin_expect(!!(x), 1)
#define PYRO_UNLIKELY(x) __builtin_expect(!!(x), 0)
